import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { isPublic, listenerOf } from '../../core/rest/listeners.ts'
import { fixture } from './fixture-server.ts'

/** A self-signed certificate for localhost and its key, made for this test alone. */
const pem = join(import.meta.dirname, 'localhost.pem')

function status(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}/health`, { ca: readFileSync(pem), agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

test('an https listener takes a PEM file with key and certificate, beside an http one', async () => {
  const https = { 'listeners.https.ssl.keystore.type': 'PEM', 'listeners.https.ssl.keystore.location': pem }
  await using worker = await fixture({ settings: { listeners: ['https://127.0.0.1:0', 'http://127.0.0.1:0'], https } })
  const [secure, plain] = await worker.server.listen()
  assert.match(secure!, /^https:/)
  assert.equal(await status(secure!), 200)
  assert.equal((await fetch(`${plain}/health`)).status, 200)
})

test('the PEM may stand in the settings, and plain ssl keys are read where listeners.https ones are absent', async () => {
  const [key, certificate] = readFileSync(pem, 'utf8').split(/(?=-----BEGIN CERTIFICATE)/)
  const https = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': key!, 'ssl.keystore.certificate.chain': certificate! }
  await using worker = await fixture({ settings: { listeners: ['https://localhost:0'], https } })
  assert.equal(await status((await worker.server.listen())[0]!), 200)
})

test('an https listener without a PEM is refused with the way out', async () => {
  const cases: readonly [Record<string, string>, RegExp][] = [
    [{}, /only PEM is supported/],
    [{ 'ssl.keystore.type': 'JKS', 'ssl.keystore.location': 'a.jks' }, /only PEM is supported/],
    [{ 'ssl.keystore.type': 'PEM' }, /name a PEM file/],
    [{ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': '/nowhere.pem' }, /cannot read it/],
    [{ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': import.meta.filename }, /there are no private key and certificate/],
  ]
  for (const [https, text] of cases) {
    await using worker = await fixture({ settings: { listeners: ['https://127.0.0.1:0'], https } })
    await assert.rejects(worker.server.listen(), text)
  }
})

test('listeners are read as Connect writes them', () => {
  const one = (text: string) => listenerOf([text])[0]!
  assert.deepEqual(one('http://:8083'), { text: 'http://:8083', scheme: 'http', host: '', port: 8083 })
  assert.deepEqual(one('HTTPS://Worker-1:443'), { text: 'HTTPS://Worker-1:443', scheme: 'https', host: 'worker-1', port: 443 })
  assert.equal(one('http://[::1]:0').host, '::1')
  for (const text of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1']) assert.ok(!isPublic(one(text)), text)
  for (const text of ['http://:1', 'http://0.0.0.0:1', 'http://[::]:1', 'http://10.0.0.1:1']) assert.ok(isPublic(one(text)), text)
})
