export { ConfigObject, type ConfigObjectEnv } from './lib/publish/config-object.ts'
