export { buildWeb } from './build-web.ts'
export { repository } from './repository.ts'
export { parseLogEvent, StackLog, type LogEvent } from './stack-log.ts'
export {
  type DeployedSettings,
  startStack,
  type Stack,
  type StartStackOptions,
} from './start-stack.ts'
export {
  addOperations,
  describeOperations,
  noOperations,
  type Operations,
  parseOperationsHeader,
  sumLoggedOperations,
} from './story/operations.ts'
export { linkFromMail, type OutboxMail, readOutbox } from './story/outbox.ts'
export { pollUntil, type PollOptions } from './story/poll-until.ts'
export { enterWindow, type WindowStep } from './story/rate-limit-window.ts'
export {
  linksOf,
  SiteClient,
  type SiteClientOptions,
  type SiteRequest,
  type SiteResponse,
} from './story/site-client.ts'
export {
  developmentWebhookSecret,
  sendWebhook,
  type SendWebhookOptions,
} from './story/stripe-webhook.ts'
export { persistDirectory, wranglerEnvironment } from './wrangler.ts'
export {
  isSignedIn,
  newPerson,
  type Person,
  sampleUser,
  signIn,
  signUp,
  tokenOf,
  verifyByMail,
} from './story/accounts.ts'
export { paidCheckoutEvent, type PaidCheckout } from './story/checkout-event.ts'
export { countInLibrary, listCategory, type ListedItem } from './story/shelves.ts'
export {
  createDraft,
  type NewItem,
  postUpload,
  publishItem,
  putUpload,
  tinyPng,
  unpublishItem,
  type UploadFile,
  waitForProcessing,
} from './story/studio.ts'
