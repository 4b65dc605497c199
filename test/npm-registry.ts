import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A package's files by path; `package.json` may be an object. */
export type PackageFiles = Readonly<Record<string, string | object>>

/** A tarball as `npm pack` makes it. */
export function tarball(files: PackageFiles): Buffer {
  const blocks = Object.entries(files).flatMap(([path, content]) => {
    const body = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
    const head = Buffer.alloc(512)
    head.write(`package/${path}`, 0)
    head.write('0000644\0', 100)
    head.write('0000000\0', 108)
    head.write('0000000\0', 116)
    head.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('00000000000\0', 136)
    head.write('        0', 148)
    head.write('ustar\u000000', 257)
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return [head, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

/** A registry of npm packages in memory, as much of one as `npm install` asks for. */
export class NpmRegistry implements AsyncDisposable {
  readonly #versions = new Map<string, Map<string, { readonly manifest: object; readonly tarball: Buffer }>>()
  readonly #server = createServer((request, response) => this.#answer(decodeURIComponent(request.url ?? '/'), response))
  /** Called with the path of each request before it is answered; a promise that stays open holds the answer back. */
  onRequest: (path: string) => Promise<void> | void = () => {}

  static async start(): Promise<NpmRegistry> {
    const registry = new NpmRegistry()
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  publish(files: PackageFiles & { readonly 'package.json': { readonly name: string; readonly version: string } }): void {
    const { name, version, ...rest } = files['package.json']
    const packed = tarball(files)
    const versions = this.#versions.get(name) ?? new Map()
    this.#versions.set(name, versions)
    const scripts = (rest as { scripts?: Readonly<Record<string, string>> }).scripts
    versions.set(version, {
      tarball: packed,
      manifest: {
        name,
        version,
        ...rest,
        ...(scripts?.['install'] !== undefined || scripts?.['postinstall'] !== undefined ? { hasInstallScript: true } : {}),
        dist: {
          tarball: `${this.url}/${name}/-/${version}.tgz`,
          integrity: `sha512-${createHash('sha512').update(packed).digest('base64')}`,
        },
      },
    })
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    await this.onRequest(path)
    const [name, version] = path.slice(1).split('/-/') as [string, string | undefined]
    const versions = this.#versions.get(name)
    const file = version === undefined ? undefined : versions?.get(version.replace(/\.tgz$/, ''))?.tarball
    if (file) return void response.end(file)
    if (!versions || version !== undefined)
      return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}')
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        name,
        'dist-tags': { latest: [...versions.keys()].at(-1) },
        versions: Object.fromEntries([...versions].map(([one, { manifest }]) => [one, manifest])),
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
