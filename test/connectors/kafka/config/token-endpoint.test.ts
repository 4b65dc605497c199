import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConfigError, RetriableError } from '../../../../core/index.ts'
import type { BearerToken } from '../../../../connectors/kafka/client/settings.ts'
import { makeCertificates, type Certificates } from '../../../certificates.ts'
import { settingsOf } from '../client/clients.ts'

const secret = 'hunter2 secret'
const never = new AbortController().signal

interface Answer {
  readonly status: number
  readonly body: string
  readonly location?: string
}

void describe('tokens by client credentials', () => {
  let certificates: Certificates
  let folder: string
  let server: Server
  let answer: () => Answer = () => ({ status: 500, body: '' })
  let asked: { readonly authorization: string; readonly body: string }[] = []
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-tokens-'))
    certificates = makeCertificates(folder)
    const files = { key: readFileSync(certificates.serverKeyFile), cert: readFileSync(certificates.serverCertificateFile) }
    server = createServer(files, (request, response) => {
      void textOf(request).then((body) => {
        asked.push({ authorization: request.headers.authorization ?? '', body })
        const { status, body: text, location } = answer()
        response.writeHead(status, location ? { location } : {}).end(text)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    server?.close()
    server?.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  })

  const source = (properties: Record<string, string> = {}) => {
    asked = []
    const { sasl } = settingsOf({
      'bootstrap.servers': 'a:1',
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.jaas.config': `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="me" clientSecret="${secret}" scope="kafka" extension_cluster="c1";`,
      'sasl.oauthbearer.token.endpoint.url': `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
      'ssl.truststore.location': certificates.caFile,
      ...properties,
    })
    assert.ok(sasl?.mechanism === 'OAUTHBEARER')
    return sasl.tokens
  }
  const good = (value = 'abc', seconds = 60): Answer => ({
    status: 200,
    body: JSON.stringify({ access_token: value, expires_in: seconds }),
  })
  const rejection = async (promise: Promise<BearerToken>) => {
    const error = await promise.then(
      () => assert.fail('a token came'),
      (cause: unknown) => cause as Error,
    )
    assert.doesNotMatch(`${error.message}`, /hunter2|leaked/)
    return error
  }

  void test('a token is asked for once and kept, with its extensions', async () => {
    answer = () => good()
    const tokens = source()
    const all = await Promise.all([tokens.token(never), tokens.token(never)])
    all.push(await tokens.token(never))
    for (const token of all) assert.deepEqual(token, { value: 'abc', extensions: { cluster: 'c1' } })
    assert.equal(asked.length, 1)
    assert.equal(Buffer.from(asked[0]!.authorization.replace('Basic ', ''), 'base64').toString(), `me:${secret}`)
    assert.equal(asked[0]!.body, 'grant_type=client_credentials&scope=kafka')
  })

  void test('a token is renewed before it ends, and the old one serves while the endpoint is down', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    answer = () => good('first', 30)
    const tokens = source({ 'sasl.login.refresh.window.factor': '0.5' })
    assert.equal((await tokens.token(never)).value, 'first')
    t.mock.timers.tick(16_000)
    answer = () => ({ status: 503, body: 'leaked' })
    assert.equal((await tokens.token(never)).value, 'first')
    answer = () => good('second')
    assert.equal((await tokens.token(never)).value, 'second')
  })

  void test('refusals are for a person, faults of the server pass, and no answer is quoted', async () => {
    answer = () => ({ status: 401, body: 'leaked' })
    const refused = await rejection(source().token(never))
    assert.ok(refused instanceof ConfigError)
    assert.match(refused.message, /refuses client "me" with HTTP 401/)
    answer = () => ({ status: 503, body: 'leaked' })
    assert.ok((await rejection(source().token(never))) instanceof RetriableError)
    answer = () => ({ status: 200, body: 'leaked' })
    assert.match((await rejection(source().token(never))).message, /without a usable access_token/)
    answer = () => good('a\u0001auth=Bearer leaked')
    assert.match((await rejection(source().token(never))).message, /without a usable access_token/)
    answer = () => ({ status: 200, body: 'leaked'.repeat(1 << 20) })
    assert.match((await rejection(source().token(never))).message, /more than 1048576 bytes/)
  })

  void test('secrets follow no redirect', async () => {
    answer = () => ({ status: 302, body: '', location: `https://127.0.0.1:${(server.address() as AddressInfo).port}/other` })
    assert.match((await rejection(source().token(never))).message, /HTTP 302/)
    assert.equal(asked.length, 1)
  })

  void test('only https is taken, and only from a server that is trusted', async () => {
    for (const url of ['http://127.0.0.1/token', 'file:///etc/passwd', 'https://me:hunter2@a/token', 'token']) {
      assert.throws(
        () => source({ 'sasl.oauthbearer.token.endpoint.url': url }),
        (error: Error) => {
          assert.match(error.message, /must begin with https/)
          assert.doesNotMatch(error.message, /hunter2|passwd/)
          return true
        },
      )
    }
    assert.match(
      (await rejection(source({ 'ssl.truststore.location': certificates.otherCaFile }).token(never))).message,
      /certificate|signature/,
    )
  })

  void test('ids and secrets that are missing are named', () => {
    const module = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required'
    assert.throws(() => source({ 'sasl.jaas.config': `${module} clientId="me";` }), /clientSecret/)
    assert.throws(() => source({ 'sasl.jaas.config': `${module};` }), /clientId/)
    assert.throws(() => source({ 'sasl.jaas.config': `${module} clientId="a" clientSecret="b" extension_auth="x";` }), /extension_auth/)
    const keys = { 'sasl.oauthbearer.client.credentials.client.id': 'me', 'sasl.oauthbearer.client.credentials.client.secret': secret }
    source({ 'sasl.jaas.config': `${module};`, ...keys })
  })
})

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
