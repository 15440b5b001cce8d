declare namespace Cloudflare {
  interface Env {
    readonly KV: KVNamespace
    readonly BUCKET: R2Bucket
  }
}
