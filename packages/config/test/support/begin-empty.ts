import { reset } from 'cloudflare:test'
import { beforeAll } from 'vitest'

// The files run one after the other in one workerd, and none is to find what another one has stored.
beforeAll(() => reset())
