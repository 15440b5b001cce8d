import type { UserRole } from '../schema.ts'

/** Signs in every sample user. For development only: seeding refuses nothing, so never seed production. */
export const samplePassword = 'codex-sample'

export type SampleCreatorHandle = 'ada' | 'mateo' | 'ingrid' | 'yuki'

export interface SampleUser {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: UserRole
}

export const sampleUsers: readonly SampleUser[] = [
  user('grace', 'Grace Lindqvist', 'owner'),
  user('ada', 'Ada Okafor', 'creator'),
  user('mateo', 'Mateo Rivas', 'creator'),
  user('ingrid', 'Ingrid Solheim', 'creator'),
  user('yuki', 'Yuki Tanabe', 'creator'),
  user('lin', 'Lin Zhao', 'customer'),
  user('sam', 'Sam Whitaker', 'customer'),
]

export const sampleCreators: readonly {
  readonly handle: SampleCreatorHandle
  readonly displayName: string
  readonly bio: string
}[] = [
  {
    handle: 'ada',
    displayName: 'Ada Okafor',
    bio: 'Teaches people to build small things well. Ten years of front-end work, now mostly courses and the essays that come out of them.',
  },
  {
    handle: 'mateo',
    displayName: 'Mateo Rivas Audio',
    bio: 'Sound designer and drummer in Valparaíso. Records rooms, machines and weather, and turns them into instruments.',
  },
  {
    handle: 'ingrid',
    displayName: 'Ingrid Solheim',
    bio: 'Documentary photographer and colourist from Bergen. Presets and film assets tested on real assignments first.',
  },
  {
    handle: 'yuki',
    displayName: 'Studio Tanabe',
    bio: 'A two-person design studio in Kanazawa making templates, type specimens and 3D scenes with a light touch.',
  },
]

function user(slug: string, name: string, role: UserRole): SampleUser {
  return { id: `sample-user-${slug}`, name, email: `${slug}@codex.example`, role }
}
