import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, run } from './downloads.ts'
import { ServerProcess } from './server-process.ts'

/** versitygw: S3 over a folder, written in Go, with signatures and conditional puts. Compiled once; where there is no Go, moto from PyPI stands in. */
function versitygw(): string {
  const folder = cached('versitygw/1.8.0', (into) =>
    run('sh', ['-c', 'GOBIN="$1" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0', 'sh', into]),
  )
  return join(folder, 'versitygw')
}

function moto(): string {
  const folder = cached('moto/5.2.5', (into) => {
    run('python3', ['-m', 'venv', into])
    run(join(into, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'moto[server]==5.2.5'])
  })
  return join(folder, 'bin', 'python')
}

/** Why no S3 server can be started here, or false. With CI set it throws instead, as nothing may go untested there in silence. */
export function s3Skip(): string | false {
  const faults: string[] = []
  for (const fetch of [versitygw, moto]) {
    try {
      if (existsSync(fetch())) return false
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  const missing = `no S3 server: neither Go nor PyPI could provide one (${faults.join('; ')})`
  if (process.env['CI']) throw new Error(`In CI the lake on S3 must be tested, but there is ${missing}`)
  return missing
}

/** An S3 server of this process, with everything in a temporary folder; it ends with the process. */
export class S3Server implements AsyncDisposable {
  readonly endpoint: string
  readonly keyId = 'millrace-test'
  readonly secret = 'a secret of 1 test'
  /** False: it takes any key. */
  readonly checksSignatures: boolean
  readonly #process: ServerProcess

  private constructor(process: ServerProcess, endpoint: string, checksSignatures: boolean) {
    this.#process = process
    this.checksSignatures = checksSignatures
    this.endpoint = endpoint
  }

  static async start(): Promise<S3Server> {
    const folder = await mkdtemp(join(tmpdir(), 's3-'))
    const port = await freePort()
    const endpoint = `http://127.0.0.1:${port}`
    const ready = async (): Promise<boolean> => {
      try {
        await fetch(endpoint)
        return true
      } catch {
        // Not listening yet.
        return false
      }
    }
    const { checksSignatures, ...rest } = await program(folder, port)
    return new S3Server(await ServerProcess.start({ ...rest, folder, ready }), endpoint, checksSignatures)
  }

  /** Keys of a sink that writes to it, or to a proxy in front of it. */
  settings(endpoint = this.endpoint): Readonly<Record<string, string>> {
    return { 's3.endpoint': endpoint, 'aws.access.key.id': this.keyId, 'aws.secret.access.key': this.secret }
  }

  /** What other clients, such as delta-rs, take from the environment. */
  get environment(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_ALLOW_HTTP: 'true',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: this.keyId,
      AWS_SECRET_ACCESS_KEY: this.secret,
    }
  }

  client(): S3Client {
    const credentials = { accessKeyId: this.keyId, secretAccessKey: this.secret }
    return new S3Client({ endpoint: this.endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  }

  /** A new bucket; resolves to its name. */
  async newBucket(): Promise<string> {
    const Bucket = `lake-${randomUUID()}`
    const client = this.client()
    await client.send(new CreateBucketCommand({ Bucket }))
    client.destroy()
    return Bucket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGKILL')
  }
}

async function program(
  folder: string,
  port: number,
): Promise<{ program: string; args: readonly string[]; env: Readonly<Record<string, string>>; checksSignatures: boolean }> {
  const env = { ROOT_ACCESS_KEY: 'millrace-test', ROOT_SECRET_KEY: 'a secret of 1 test' }
  try {
    const objects = join(folder, 'objects')
    const attributes = join(folder, 'attributes')
    await Promise.all([mkdir(objects), mkdir(attributes)])
    const args = ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', attributes, objects]
    return { program: versitygw(), args, env, checksSignatures: true }
  } catch {
    // No Go: the other one.
    return { program: moto(), args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], env, checksSignatures: false }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
