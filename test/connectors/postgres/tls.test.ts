import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { chownSync, copyFileSync, chmodSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { postgresVersions, startPostgres, type PostgresServer } from '../../postgres.ts'
import { Tail } from './tail.ts'

const openssl = spawnSync('openssl', ['version']).status === 0

function run(folder: string, ...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
}

/** An authority and a certificate of it, made out to `localhost`. */
async function certificates(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  run(
    folder,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
  )
  run(
    folder,
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
  )
  run(
    folder,
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    'server.crt',
  )
  run(folder, 'req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'client.key', '-out', 'client.csr', '-subj', '/CN=postgres')
  run(
    folder,
    'x509',
    '-req',
    '-in',
    'client.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-out',
    'client.crt',
  )
  run(folder, 'pkcs8', '-topk8', '-nocrypt', '-in', 'client.key', '-outform', 'DER', '-out', 'client.pk8')
  return folder
}

/** Copies the server's key pair to where the server may read it, and switches TLS on. */
async function switchOn(server: PostgresServer, folder: string): Promise<void> {
  const data = join(server.folder, 'data')
  const { uid, gid } = statSync(data)
  for (const file of ['server.crt', 'server.key', 'ca.crt']) {
    copyFileSync(join(folder, file), join(data, file))
    chownSync(join(data, file), uid, gid)
    chmodSync(join(data, file), 0o600)
  }
  await server.query('ALTER SYSTEM SET ssl = on; ')
  await server.query("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'")
  await server.halt('fast')
  await server.start()
}

for (const version of postgresVersions) {
  test(
    `Postgres ${version}: TLS up to verify-full; a wrong host or an unknown authority is refused`,
    { skip: openssl ? false : 'openssl is not installed' },
    async () => {
      const folder = await certificates()
      await using server = await startPostgres({
        version,
        hba: ['hostssl all tlsonly 127.0.0.1/32 scram-sha-256', 'host all tlsonly 127.0.0.1/32 reject'],
      })
      try {
        await server.query(
          "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE ROLE tlsonly SUPERUSER LOGIN PASSWORD 'test-secret-7'",
        )
        const plain = await Tail.open(server, { 'database.sslmode': 'prefer' })
        await plain.count(1)
        await plain[Symbol.asyncDispose]()
        await switchOn(server, folder)
        const authority = { 'database.sslrootcert': join(folder, 'ca.crt') }
        const encrypted: [string, Record<string, string>][] = [
          ['prefer', {}],
          ['require', {}],
          ['allow', { 'database.user': 'tlsonly' }],
          ['verify-ca', authority],
          ['verify-full', { ...authority, 'database.hostname': 'localhost' }],
          [
            'verify-full',
            {
              ...authority,
              'database.hostname': 'localhost',
              'database.sslcert': join(folder, 'client.crt'),
              'database.sslkey': join(folder, 'client.pk8'),
            },
          ],
        ]
        for (const [i, [mode, more]] of encrypted.entries()) {
          const name = `tls${i}`
          await using tail = await Tail.open(server, { 'database.sslmode': mode, 'slot.name': name, ...more })
          await server.query(`INSERT INTO t VALUES (${10 + i})`)
          await tail.until((one) => one.summary().includes(`c ${10 + i}`) || one.summary().includes(`r ${10 + i}`))
          const [row] = await server.query(
            "SELECT bool_and(s.ssl) AS encrypted, count(*)::int AS connections FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'Millrace tail'",
          )
          assert.equal(row!.encrypted, true, `${mode}: ${JSON.stringify(row)}`)
        }
        const refused: [string, Record<string, string>, RegExp][] = [
          ['verify-full', authority, /database.sslmode=verify-full.*(IP|altnames|does not match)/s],
          ['verify-full', { 'database.hostname': 'localhost' }, /database.sslmode=verify-full.*(certificate|issuer)/s],
          ['verify-ca', {}, /database.sslmode=verify-ca.*(certificate|issuer)/s],
          ['verify-ca', { 'database.sslrootcert': join(folder, 'missing.crt') }, /A TLS file cannot be read.*missing.crt/],
          ['disable', { 'database.user': 'tlsonly' }, /pg_hba.conf/],
        ]
        for (const [mode, more, expected] of refused) {
          await assert.rejects(Tail.open(server, { 'database.sslmode': mode, 'slot.name': 'refused', ...more }), expected)
        }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
}
