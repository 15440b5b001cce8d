import { afterEach, describe, expect, test } from 'vitest'
import contextMerging from '../fixtures/openfeature/contextMerging.feature?raw'
import evaluation from '../fixtures/openfeature/evaluation.feature?raw'
import evaluationV2 from '../fixtures/openfeature/evaluation_v2.feature?raw'
import hooks from '../fixtures/openfeature/hooks.feature?raw'
import metadata from '../fixtures/openfeature/metadata.feature?raw'
import { deprecatedSteps, steps } from './conformance-steps.ts'
import { type ConformanceWorld, createConformanceWorld } from './conformance-world.ts'
import { readScenarios, runScenario, type StepTable } from './gherkin.ts'

// OpenFeature's own scenarios, through its SDK and our provider, on a ruleset in KV.

interface Suite {
  readonly feature: string
  readonly table: StepTable<ConformanceWorld>
  /** Scenarios, with each example of an outline. A test fails when the file has more or fewer. */
  readonly count: number
}

const suites: Readonly<Record<string, Suite>> = {
  'evaluation.feature': { feature: evaluation, table: deprecatedSteps, count: 13 },
  'evaluation_v2.feature': { feature: evaluationV2, table: steps, count: 82 },
  'hooks.feature': { feature: hooks, table: steps, count: 3 },
  'metadata.feature': { feature: metadata, table: steps, count: 5 },
  'contextMerging.feature': { feature: contextMerging, table: steps, count: 29 },
}

let world: ConformanceWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

describe.each(Object.entries(suites))('%s', (file, { feature, table, count }) => {
  const scenarios = readScenarios(feature)

  test.each(scenarios)('$name', async (scenario) => {
    world = createConformanceWorld(`${file} ${scenario.name}`)
    await runScenario(scenario, table, world)
  })

  test('has as many scenarios as are known', () => {
    console.log(`${file}: ${scenarios.length} scenarios`)
    expect(scenarios).toHaveLength(count)
  })
})
