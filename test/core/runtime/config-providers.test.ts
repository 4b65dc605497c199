import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigProviders } from '../../../core/runtime/config-providers.ts'

const java = 'org.apache.kafka.common.config.provider.'

function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'providers-')))
  after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function env(pattern = 'APP_.*'): ConfigProviders {
  return new ConfigProviders(
    {
      'config.providers': 'env',
      'config.providers.env.class': `${java}EnvVarConfigProvider`,
      'config.providers.env.param.allowlist.pattern': pattern,
    },
    { APP_PW: 's3cret', APP_NEST: '${env:APP_PW}', APP_EMPTY: '', OTHER_PW: 'hidden-value' },
  )
}

function files(allowed: string): ConfigProviders {
  return new ConfigProviders({
    'config.providers': 'file, dir',
    'config.providers.file.class': `${java}FileConfigProvider`,
    'config.providers.file.param.allowed.paths': allowed,
    'config.providers.dir.class': `${java}DirectoryConfigProvider`,
    'config.providers.dir.param.allowed.paths': allowed,
  })
}

test('allowed environment variables are put in, several in one value', async () => {
  const { config, secrets } = await env().resolve({ url: 'a:${env:APP_PW}@${env:APP_PW}/${topic}', plain: 'x', none: '${env:APP_EMPTY}' })
  assert.deepEqual(config, { url: 'a:s3cret@s3cret/${topic}', plain: 'x', none: '' })
  assert.deepEqual(secrets, ['s3cret'])
})

test('what a provider returns is not expanded again', async () => {
  assert.equal((await env().resolve({ a: '${env:APP_NEST}' })).config.a, '${env:APP_PW}')
})

test('a variable outside of the allow-list is denied; the whole name must match', async () => {
  await assert.rejects(env().resolve({ 'database.password': '${env:OTHER_PW}' }), (error: Error) => {
    assert.match(error.message, /database\.password.*\$\{env:OTHER_PW\}.*allowlist\.pattern/)
    assert.doesNotMatch(error.message, /hidden-value/)
    return true
  })
  await assert.rejects(env('APP').resolve({ a: '${env:APP_PW}' }), /allowlist\.pattern/)
})

test('a variable that is not set, a path and an unknown provider are told at once', async () => {
  await assert.rejects(env().resolve({ a: '${env:APP_NO}', b: '${env:p:APP_PW}', c: '${vault:x:y}' }), (error: Error) => {
    assert.deepEqual(
      (error as unknown as { issues: { key: string }[] }).issues.map((issue) => issue.key),
      ['a', 'b', 'c'],
    )
    return true
  })
})

test('without config.providers there are none', async () => {
  await assert.rejects(new ConfigProviders({}).resolve({ a: '${env:HOME}' }), /no config provider "env"/)
  assert.equal((await new ConfigProviders({}).resolve({ a: '${topic}-${timestamp}' })).config.a, '${topic}-${timestamp}')
})

test('a properties file and a folder of files give their values', async () => {
  const root = folder()
  writeFileSync(join(root, 'db.properties'), '# c\npassword = p\\u0061ss=w:d \\\n  x\n')
  writeFileSync(join(root, 'token'), 'line\n')
  const { config, secrets } = await files(root).resolve({ a: `\${file:${root}/db.properties:password}`, b: `\${dir:${root}:token}` })
  assert.deepEqual(config, { a: 'pass=w:d x', b: 'line\n' })
  assert.deepEqual(secrets, ['pass=w:d x', 'line\n'])
})

test('nothing outside of allowed.paths is read, whatever the path looks like', async () => {
  const root = folder()
  const allowed = join(root, 'in')
  mkdirSync(allowed)
  mkdirSync(join(root, 'in-sibling'))
  writeFileSync(join(root, 'secret.properties'), 'k=top-secret')
  writeFileSync(join(root, 'in-sibling', 's.properties'), 'k=top-secret')
  symlinkSync(join(root, 'secret.properties'), join(allowed, 'link.properties'))
  symlinkSync(root, join(allowed, 'up'))
  mkdirSync(join(allowed, 'folder'))
  const bad = [
    `\${file:${root}/secret.properties:k}`,
    `\${file:${allowed}/../secret.properties:k}`,
    `\${file:${root}/in-sibling/s.properties:k}`,
    `\${file:${allowed}/link.properties:k}`,
    `\${file:${allowed}/up/secret.properties:k}`,
    `\${file:${allowed}/folder:k}`,
    '${file:/etc/shadow:k}',
    '${file:relative:k}',
    '${file:k}',
    `\${dir:${allowed}:../secret.properties}`,
    `\${dir:${allowed}:..}`,
    `\${dir:${allowed}:link.properties}`,
    `\${dir:${root}:secret.properties}`,
    `\${dir:../:x}`,
  ]
  for (const value of bad) {
    await assert.rejects(files(allowed).resolve({ key: value }), (error: Error) => {
      assert.equal(error.name, 'ConfigError', `${value}: ${error.message}`)
      assert.doesNotMatch(error.message, /top-secret/)
      return true
    })
  }
})

test('a missing file elsewhere is told as an existing one is', async () => {
  const root = folder()
  const text = (path: string) =>
    files(join(root, 'in'))
      .resolve({ a: `\${file:${path}:k}` })
      .catch((error: Error) => error.message.replace(path, ''))
  assert.equal(await text('/etc/hostname'), await text('/etc/no-such-file'))
})

test('a provider without its allow-list, of an unknown class or twice is refused when the worker starts', () => {
  const start = (worker: Record<string, string>) => () => new ConfigProviders(worker)
  assert.throws(start({ 'config.providers': 'f', 'config.providers.f.class': `${java}FileConfigProvider` }), /allowed\.paths is required/)
  assert.throws(
    start({ 'config.providers': 'e', 'config.providers.e.class': `${java}EnvVarConfigProvider` }),
    /allowlist\.pattern is required/,
  )
  assert.throws(start({ 'config.providers': 'e' }), /config\.providers\.e\.class is missing/)
  assert.throws(start({ 'config.providers': 'e', 'config.providers.e.class': 'com.acme.Vault' }), /no config provider com\.acme\.Vault/)
  assert.throws(start({ 'config.providers': 'f,f', 'config.providers.f.class': `${java}FileConfigProvider` }), /twice/)
})
