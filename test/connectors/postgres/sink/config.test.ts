import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import postgres from '../../../../connectors/postgres/index.ts'
import { parseUrl } from '../../../../connectors/postgres/sink/jdbc-url.ts'
import { settingsOf, type SinkConfig } from '../../../../connectors/postgres/sink/settings.ts'
import { parseConfig } from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { target } from './sink-rig.ts'

const url = { 'connection.url': 'jdbc:postgresql://db/shop', 'connection.user': 'u' }

function read(name: string, raw: Record<string, string>) {
  const part = postgres.sinks!.find((one) => one.class === name || one.aliases?.includes(name))!
  const { config, issues } = parseConfig(part.config, raw)
  return { part, config: config as SinkConfig, issues }
}

test('URLs of the Java driver are read: hosts, ports, database, parameters; what is not understood is told', () => {
  assert.deepEqual(parseUrl('jdbc:postgresql://a:5433,[::1]/shop?sslmode=require&reWriteBatchedInserts=true&currentSchema=s'), {
    addresses: [
      { host: 'a', port: 5433 },
      { host: '::1', port: 5432 },
    ],
    database: 'shop',
    parameters: { sslmode: 'require', currentSchema: 's' },
  })
  assert.deepEqual(parseUrl('postgresql://me:p%40ss@h/d').parameters, { user: 'me', password: 'p@ss' })
  assert.deepEqual(parseUrl('postgresql://me:p:a:s@h/d').parameters, { user: 'me', password: 'p:a:s' })
  assert.deepEqual(parseUrl('jdbc:postgresql:shop').database, 'shop')
  assert.throws(() => parseUrl('jdbc:mysql://h/d'), /no address of a Postgres database/)
  assert.throws(() => parseUrl('jdbc:postgresql://h/d?socketFactory=x'), /"socketFactory" is not supported/)
  assert.throws(() => parseUrl('jdbc:postgresql://h:99999/d'), /no host with a port/)
})

test('each class name has the defaults of the sink that it stands for', () => {
  const defaults = (name: string) => {
    const { mode, keyMode, deletes, create, evolve, nameFormat, flatTopic, batchRows, foldNames } = settingsOf(read(name, url).config)
    return { mode, keyMode, deletes, create, evolve, nameFormat, flatTopic, batchRows, foldNames }
  }
  const shared = { mode: 'insert', keyMode: 'none', deletes: false, create: false, evolve: false, nameFormat: '${topic}' }
  assert.deepEqual(defaults('io.confluent.connect.jdbc.JdbcSinkConnector'), {
    ...shared,
    flatTopic: false,
    batchRows: 3000,
    foldNames: false,
  })
  assert.deepEqual(defaults('io.debezium.connector.jdbc.JdbcSinkConnector'), {
    ...shared,
    flatTopic: true,
    batchRows: 500,
    foldNames: true,
  })
  assert.deepEqual(defaults('postgres'), {
    mode: 'upsert',
    keyMode: 'record_key',
    deletes: true,
    create: true,
    evolve: true,
    nameFormat: '${topic}',
    flatTopic: false,
    batchRows: 5000,
    foldNames: false,
  })
})

test('the keys of both sinks are synonyms', () => {
  const debezium = {
    'insert.mode': 'UPSERT',
    'primary.key.mode': 'record_value',
    'primary.key.fields': 'a,b',
    'schema.evolution': 'basic',
    'use.time.zone': 'Europe/Paris',
  }
  const settings = settingsOf(read('io.debezium.connector.jdbc.JdbcSinkConnector', { ...url, ...debezium }).config)
  assert.deepEqual(
    [settings.mode, settings.keyMode, settings.keyFields, settings.create, settings.evolve, settings.zone],
    ['upsert', 'record_value', ['a', 'b'], true, true, 'Europe/Paris'],
  )
  const older = settingsOf(read('io.debezium.connector.jdbc.JdbcSinkConnector', { ...url, 'table.name.format': 'x_${topic}' }).config)
  assert.deepEqual([older.nameFormat, older.flatTopic], ['x_${topic}', true])
  const fields = settingsOf(read('postgres', { ...url, 'field.exclude.list': 't:secret,other' }).config)
  assert.deepEqual(
    [fields.takesField('t', 'secret'), fields.takesField('u', 'secret'), fields.takesField('u', 'other')],
    [false, true, false],
  )
})

test('what cannot be done is told, key by key', async () => {
  const { issues } = read('postgres', {
    ...url,
    'primary.key.mode': 'record_footer',
    'timestamp.fields.list': 'a',
    'db.timezone': 'Mars',
    'dialect.name': 'OracleDatabaseDialect',
  })
  assert.deepEqual(issues.map(({ key }) => key).sort(), ['db.timezone', 'dialect.name', 'primary.key.mode', 'timestamp.fields.list'])
  const { part, config } = read('io.confluent.connect.jdbc.JdbcSinkConnector', {
    ...url,
    'insert.mode': 'upsert',
    'delete.enabled': 'true',
  })
  assert.deepEqual(
    (await part.validate!(config as never)).map(({ key }) => key),
    ['pk.mode', 'delete.enabled'],
  )
})

const server = await startPostgres()
after(() => server.stop())

test('a wrong password or database is told before the connector is made, without the password; a server that is away is not', async () => {
  const check = (raw: Record<string, string>) => {
    const { part, config } = read('postgres', { ...target(server), ...raw })
    return part.validate!(config as never)
  }
  assert.deepEqual(await check({}), [])
  const [password] = await check({ 'connection.password': 'wrong-secret' })
  assert.equal(password?.key, 'connection.password')
  assert.doesNotMatch(JSON.stringify(password), /wrong-secret|database\./)
  const [database] = await check({ 'connection.url': `jdbc:postgresql://127.0.0.1:${server.port}/nowhere` })
  assert.match(database!.message, /no database "nowhere"/)
  assert.deepEqual(await check({ 'connection.url': 'jdbc:postgresql://127.0.0.1:1/postgres' }), [])
})
