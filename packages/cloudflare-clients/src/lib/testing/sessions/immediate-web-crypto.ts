/** What is used of Node's own crypto, which this package has no types of. */
interface NodeCrypto {
  hkdfSync(
    digest: string,
    key: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    byteLength: number,
  ): ArrayBuffer
  createHmac(
    digest: string,
    key: Uint8Array,
  ): { update(data: Uint8Array): { digest(): Uint8Array } }
  createCipheriv(
    name: string,
    key: Uint8Array,
    iv: Uint8Array,
  ): Cipher & { getAuthTag(): Uint8Array }
  createDecipheriv(
    name: string,
    key: Uint8Array,
    iv: Uint8Array,
  ): Cipher & { setAuthTag(tag: Uint8Array): void }
}

interface Cipher {
  setAAD(data: Uint8Array): void
  update(data: Uint8Array): Uint8Array
  final(): Uint8Array
}

interface HkdfParameters {
  readonly salt: BufferSource
  readonly info: BufferSource
}

interface GcmParameters {
  readonly iv: BufferSource
  readonly additionalData?: BufferSource
}

const tagBytes = 16
const keys = new WeakMap<object, Uint8Array>()
const hmacHashes = new WeakMap<object, string>()

/**
 * Lets HMAC, HKDF and AES-GCM of Web Crypto answer within promises until it is ended, where Node's crypto is there. A virtual clock
 * then need not wait for threads, and two answers always come in the same order.
 *
 * @returns Ends it.
 */
export function useImmediateWebCrypto(): () => void {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown }
  }
  const node = process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined
  if (node === undefined) return () => undefined
  const { subtle } = crypto
  const own = createImmediateSubtle(node)
  Object.defineProperty(crypto, 'subtle', {
    configurable: true,
    value: new Proxy(subtle, {
      get: (target, name) => {
        if (Object.hasOwn(own, name)) return own[name as keyof typeof own]
        const method = Reflect.get(target, name, target) as unknown
        return typeof method === 'function' ? (method.bind(target) as unknown) : method
      },
    }),
  })
  return () => {
    Object.defineProperty(crypto, 'subtle', { configurable: true, value: subtle })
  }
}

function createImmediateSubtle(
  node: NodeCrypto,
): Pick<
  Record<keyof SubtleCrypto, (...args: never[]) => Promise<unknown>>,
  'importKey' | 'deriveKey' | 'encrypt' | 'decrypt' | 'sign' | 'verify'
> {
  const { subtle } = crypto
  const keyOf = (key: object): Uint8Array => {
    const bytes = keys.get(key)
    if (bytes === undefined) throw new TypeError('Cannot use a key that was made elsewhere')
    return bytes
  }
  const remember = (bytes: Uint8Array): object => {
    const key = {}
    keys.set(key, bytes)
    return key
  }
  const hmac = (key: object, data: BufferSource): Uint8Array =>
    node
      .createHmac(hmacHashes.get(key) ?? 'sha256', keyOf(key))
      .update(toBytes(data))
      .digest()
  return {
    importKey: async (
      format: 'raw' | 'pkcs8' | 'spki',
      data: BufferSource,
      algorithm:
        string | { readonly name: string; readonly hash?: string | { readonly name: string } },
      isExtractable: boolean,
      usages: KeyUsage[],
    ) => {
      const { name, hash = '' } = typeof algorithm === 'string' ? { name: algorithm } : algorithm
      if (format === 'raw' && name === 'HKDF') return remember(toBytes(data))
      if (format !== 'raw' || name !== 'HMAC') {
        return subtle.importKey(format, data, algorithm, isExtractable, usages)
      }
      const key = remember(toBytes(data))
      const hashName = typeof hash === 'string' ? hash : hash.name
      hmacHashes.set(key, hashName.replace('-', '').toLowerCase())
      return key
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- As below.
    sign: async (_algorithm: unknown, key: object, data: BufferSource) =>
      join(hmac(key, data), new Uint8Array()),
    // eslint-disable-next-line @typescript-eslint/require-await -- As below.
    verify: async (_algorithm: unknown, key: object, signature: BufferSource, data: BufferSource) =>
      String(toBytes(signature)) === String(new Uint8Array(hmac(key, data))),
    // eslint-disable-next-line @typescript-eslint/require-await -- Fails as Web Crypto does: by a rejection.
    deriveKey: async (
      { salt, info }: HkdfParameters,
      base: object,
      { length }: { readonly length: number },
    ) =>
      remember(
        new Uint8Array(
          node.hkdfSync('sha256', keyOf(base), toBytes(salt), toBytes(info), length / 8),
        ),
      ),
    // eslint-disable-next-line @typescript-eslint/require-await -- As above.
    encrypt: async ({ iv, additionalData }: GcmParameters, key: object, data: BufferSource) => {
      const bytes = keyOf(key)
      const cipher = node.createCipheriv(`aes-${bytes.length * 8}-gcm`, bytes, toBytes(iv))
      if (additionalData !== undefined) cipher.setAAD(toBytes(additionalData))
      return join(cipher.update(toBytes(data)), cipher.final(), () => cipher.getAuthTag())
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- As above.
    decrypt: async ({ iv, additionalData }: GcmParameters, key: object, data: BufferSource) => {
      const bytes = keyOf(key)
      const sealed = toBytes(data)
      const decipher = node.createDecipheriv(`aes-${bytes.length * 8}-gcm`, bytes, toBytes(iv))
      if (additionalData !== undefined) decipher.setAAD(toBytes(additionalData))
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
      return join(decipher.update(sealed.subarray(0, sealed.length - tagBytes)), decipher.final())
    },
  }
}

type KeyUsage =
  'decrypt' | 'deriveBits' | 'deriveKey' | 'encrypt' | 'sign' | 'unwrapKey' | 'verify' | 'wrapKey'

function toBytes(source: BufferSource): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source)
}

function join(start: Uint8Array, end: Uint8Array, tag?: () => Uint8Array): ArrayBuffer {
  const parts = [start, end, ...(tag === undefined ? [] : [tag()])]
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined.buffer
}
