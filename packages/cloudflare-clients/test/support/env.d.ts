declare namespace Cloudflare {
  interface Env {
    readonly KV: KVNamespace
  }
}
