import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Runs `after-the-run.test.ts` after every other file: it looks at what they left behind. */
export class RunLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLast = (file: TestSpecification): boolean =>
      file.moduleId.endsWith('after-the-run.test.ts')
    return [...sorted.filter((file) => !isLast(file)), ...sorted.filter(isLast)]
  }
}
