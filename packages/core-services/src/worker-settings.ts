export {
  WorkerSettings,
  type SettingsLogEntry,
  type WorkerSettingsOptions,
} from './worker-settings/worker-settings.ts'
