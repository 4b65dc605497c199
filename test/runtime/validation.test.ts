import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../core/index.ts'
import { BadRequestError } from '../../core/contract/errors.ts'
import { pluginKeys, validateConnector, type GivenConfig, type Validation, type ValidationParts } from '../../core/runtime/validation.ts'
import { registry, registryWithoutKafka } from '../rest/fixture-plugins.ts'

const file = { name: 'c', 'connector.class': 'FileStreamSource', topic: 't' }
const direct = { ...file, 'sink.class': 'delta', 'sink.path': './lake' }

function validate(config: GivenConfig, parts: Partial<ValidationParts> = {}): Promise<Validation> {
  return validateConnector(config, { registry, ...parts })
}

/** Key -> its errors, for keys that have some. */
function errorsOf({ configInfos }: Validation): Record<string, readonly string[]> {
  return Object.fromEntries(configInfos.configs.flatMap(({ value }) => (value.errors.length > 0 ? [[value.name, value.errors]] : [])))
}

function value(validation: Validation, name: string): string | null | undefined {
  return validation.configInfos.configs.find((config) => config.value.name === name)?.value.value
}

test('a source lists the framework keys in the order of Connect, then the stages, then its own', async () => {
  const config = {
    ...file,
    transforms: 'a',
    'transforms.a.type': 'RegexRouter',
    'transforms.a.regex': 'x',
    'transforms.a.replacement': 'y',
    'transforms.a.predicate': 'p',
    predicates: 'p',
    'predicates.p.type': 'TopicNameMatches',
    'predicates.p.pattern': '.*',
    'value.converter': 'Json',
    'value.converter.schemas.enable': 'false',
  }
  const { configInfos, issues } = await validate(config)
  assert.deepEqual(issues, [])
  const names = configInfos.configs.map(({ value }) => value.name)
  const connect =
    'name,connector.class,connector.plugin.version,tasks.max,tasks.max.enforce,key.converter,key.converter.plugin.version,value.converter,value.converter.plugin.version,header.converter,header.converter.plugin.version,transforms,predicates,config.action.reload,errors.retry.timeout,errors.retry.delay.max.ms,errors.tolerance,errors.log.enable,errors.log.include.messages,topic.creation.groups,exactly.once.support,transaction.boundary,transaction.boundary.interval.ms,offsets.storage.topic'
  assert.deepEqual(names.slice(0, 24), connect.split(','))
  const stages =
    'transforms.a.type,transforms.a.plugin.version,transforms.a.predicate,transforms.a.negate,transforms.a.regex,transforms.a.replacement,predicates.p.type,predicates.p.plugin.version,predicates.p.pattern,value.converter.schemas.enable'
  const own = 'topic,file,password,batch.size,encryption,strict'
  assert.deepEqual(names.slice(-16), [...stages.split(','), ...own.split(',')])
  assert.deepEqual(configInfos.groups.slice(0, 7), [
    'Common',
    'Transforms',
    'Predicates',
    'Error Handling',
    'Topic Creation',
    'Exactly Once Support',
    'offsets.topic',
  ])
  assert.ok(configInfos.groups.includes('Transforms: a') && configInfos.groups.includes('Predicates: p'))
  assert.equal(new Set(names).size, names.length)
})

test('a key has every field that clients of Connect 3 and 4 read', async () => {
  const { configInfos } = await validate(file)
  const batch = configInfos.configs.find(({ value }) => value.name === 'batch.size')!
  assert.deepEqual(batch.definition, {
    name: 'batch.size',
    type: 'INT',
    required: false,
    default_value: '2000',
    importance: 'MEDIUM',
    documentation: 'Lines in a batch.',
    group: 'Tuning',
    order_in_group: 1,
    order: 1,
    width: 'SHORT',
    display_name: 'batch.size',
    dependents: [],
  })
  assert.deepEqual(batch.value, { name: 'batch.size', value: '2000', recommended_values: [], errors: [], visible: true })
  const topic = configInfos.configs.find(({ value }) => value.name === 'topic')!.definition!
  assert.equal(topic.required, true)
  assert.equal(topic.group, null)
  assert.equal(topic.order_in_group, -1)
  const tolerance = configInfos.configs.find(({ value }) => value.name === 'errors.tolerance')!.value
  assert.deepEqual(tolerance.recommended_values, ['none', 'all'])
})

test('only a class is needed for a listing with all keys and all errors, as AKHQ asks for every plugin', async () => {
  for (const entry of registry.entries().filter(({ type }) => type === 'source' || type === 'sink')) {
    const { configInfos } = await validate({ 'connector.class': entry.class, topics: 't' })
    assert.equal(configInfos.name, entry.class)
    assert.ok(configInfos.configs.length > 20)
    assert.ok(configInfos.error_count >= 1, 'the name is missing')
  }
  await assert.rejects(validate({ 'connector.class': 'Nothing' }), BadRequestError)
  await assert.rejects(validate({}), BadRequestError)
  await assert.rejects(validate({ 'connector.class': null }), BadRequestError)
  for (const name of ['../x.js', '/etc/passwd', 'http://evil/x.js', 'node:fs', '__proto__', 'constructor', 'toString']) {
    await assert.rejects(validate({ ...file, 'connector.class': name }), /Failed to find any class that implements Connector/)
  }
})

test('a direct pipeline lists the keys of its sink under their prefix, and tells its errors there', async () => {
  const good = await validate(direct)
  assert.deepEqual(good.issues, [])
  assert.equal(value(good, 'sink.path'), './lake')
  assert.equal(value(good, 'sink.mode'), 'append')
  const { 'sink.path': _, ...pathless } = direct
  assert.deepEqual(errorsOf(await validate({ ...pathless, 'sink.mode': 'merge' })), {
    'sink.path': ['Missing required configuration "sink.path" which has no default value.'],
    'sink.mode': ['Invalid value merge for configuration sink.mode: String must be one of: append, upsert'],
  })
  assert.match(errorsOf(await validate({ ...direct, 'sink.class': 'nowhere' }))['sink.class']!.join(), /no sink connector of that name/)
  assert.equal(value(await validate(file), 'sink.path'), undefined, 'no keys of a sink that the config does not name')
})

test('a worker without Kafka says that the other end must be named', async () => {
  const parts = { registry: registryWithoutKafka }
  assert.match(
    errorsOf(await validate(file, parts))['sink.class']!.join(),
    /no Kafka: set "bootstrap.servers" in its settings, or name the other end with "sink.class"/,
  )
  const sink = { name: 'c', 'connector.class': 'FileStreamSink', topics: 't' }
  assert.match(errorsOf(await validate(sink, parts))['source.class']!.join(), /name the other end with "source.class"/)
  assert.deepEqual((await validate(direct, parts)).issues, [])
})

test('flush keys may carry the prefix of the sink and are checked there, too', async () => {
  assert.deepEqual((await validate({ ...direct, 'sink.flush.rows': '10' })).issues, [])
  assert.deepEqual((await validate({ ...direct, 'sink.flush.rows': '10' })).warnings, [])
  assert.equal((await validate({ ...direct, 'sink.flush.rows': 'ten' })).issues.length, 2)
})

test('passwords are hidden in values and in every text', async () => {
  const config = { ...direct, password: 'correct horse', 'sink.secret': 'battery staple', strict: 'true', file: '/x' }
  const seen = await validate(config)
  assert.equal(value(seen, 'password'), '[hidden]')
  assert.equal(value(seen, 'sink.secret'), '[hidden]')
  assert.deepEqual(errorsOf(seen), { file: ['File /x of [hidden] cannot be read'] })
  assert.doesNotMatch(JSON.stringify(seen), /correct horse|battery staple/)
})

test('what a config provider gives is used and never shown', async () => {
  const secrets: Readonly<Record<string, string>> = {
    '${env:T}': 'true',
    '${env:N}': '12x',
    '${env:F}': '/secret/place',
    '${env:P}': 'hunter2!',
  }
  const resolve: ValidationParts['resolve'] = async (config) => {
    const used = Object.values(config).flatMap((text) => (text in secrets ? [secrets[text]!] : []))
    return { config: Object.fromEntries(Object.entries(config).map(([key, text]) => [key, secrets[text] ?? text])), secrets: used }
  }
  const config = { ...file, password: '${env:P}', file: '${env:F}', strict: '${env:T}' }
  const asked = await validate(config, { resolve })
  assert.deepEqual(errorsOf(asked), { file: ['File [hidden] of [hidden] cannot be read'] })
  assert.equal(value(asked, 'file'), '${env:F}')
  assert.equal(value(asked, 'strict'), '${env:T}')
  const numeric = await validate({ ...config, 'batch.size': '${env:N}' }, { resolve })
  assert.match(errorsOf(numeric)['batch.size']![0]!, /Invalid value \$\{env:N\} for configuration batch.size: Not a number/)
  for (const seen of [asked, numeric]) assert.doesNotMatch(JSON.stringify(seen), /12x|secret\/place|hunter2/)
  const denied = await validate(config, {
    resolve: async () => {
      throw new ConfigError([{ key: 'file', value: '${env:F}', message: 'The provider env may not read F' }])
    },
  })
  assert.deepEqual(errorsOf(denied), { file: ['The provider env may not read F'] })
})

test('a key that nothing reads is no error; the nearest known one is named', async () => {
  const { issues, warnings } = await validate({
    ...direct,
    'tasks.mx': '2',
    topci: 'x',
    'sink.pth': 'y',
    'something.else': 'z',
  })
  assert.deepEqual(issues, [])
  assert.deepEqual(
    warnings.map(({ message }) => message),
    [
      'Nothing reads the config key "tasks.mx": did you mean "tasks.max"?',
      'Nothing reads the config key "topci": did you mean "topic"?',
      'Nothing reads the config key "sink.pth": did you mean "sink.path"?',
      'Nothing reads the config key "something.else"',
    ],
  )
})

test('keys that are known and do nothing in this config are warned of', async () => {
  const keys = { 'exactly.once.support': 'required', 'topic.creation.default.partitions': '3', 'producer.override.acks': 'all' }
  const { issues, warnings } = await validate({ ...direct, ...keys })
  assert.deepEqual(issues, [])
  assert.deepEqual(
    warnings.map(({ key }) => key),
    Object.keys(keys),
  )
  assert.deepEqual((await validate({ ...file, 'producer.override.acks': 'all' })).warnings, [])
  const sink = { name: 'c', 'connector.class': 'FileStreamSink', topics: 't', 'errors.deadletterqueue.topic.name': 'dead' }
  assert.match((await validate(sink)).warnings[0]!.message, /without errors.tolerance=all/)
  const both = { ...sink, 'errors.tolerance': 'all', 'errors.deadletterqueue.path': './d' }
  assert.match((await validate(both)).warnings[0]!.message, /dead letters go to the topic/)
  const factor = { ...direct, 'errors.deadletterqueue.topic.replication.factor': '1' }
  assert.match((await validate(factor)).warnings[0]!.message, /dead letters go to a folder/)
})

test('a plugin version must be the one that this worker has', async () => {
  const router = { transforms: 'a', 'transforms.a.type': 'RegexRouter', 'transforms.a.regex': 'x', 'transforms.a.replacement': 'y' }
  const versions = (range: string) => ({ 'connector.plugin.version': range, 'transforms.a.plugin.version': range })
  for (const range of ['latest', '4.3.1', '[4.0,5.0)']) {
    assert.deepEqual((await validate({ ...file, ...router, ...versions(range) })).issues, [], range)
  }
  for (const range of ['4.3.2', '[5,)', '(', 'one two']) {
    assert.equal((await validate({ ...file, ...router, ...versions(range) })).issues.length, 2, range)
  }
  const converter = await validate({ ...file, 'value.converter': 'Json', 'value.converter.plugin.version': '9' })
  assert.match(errorsOf(converter)['value.converter.plugin.version']!.join(), /This worker has .*JsonConverter in version 4.3.1 alone/)
})

test('a predicate that is not defined is refused, an unread stage is warned of', async () => {
  const config = {
    ...file,
    transforms: 'a',
    'transforms.a.type': 'RegexRouter',
    'transforms.a.regex': 'x',
    'transforms.a.replacement': 'y',
  }
  const undefinedAlias = await validate({ ...config, 'transforms.a.predicate': 'p' })
  assert.match(errorsOf(undefinedAlias)['transforms.a.predicate']!.join(), /No predicate of that alias is defined/)
  assert.equal((await validate({ ...config, 'transforms.b.type': 'RegexRouter' })).warnings.length, 1)
})

test('plugins are asked once the keys are fine, with time-out; what they throw is an error of the config', async () => {
  const router = { transforms: 'a', 'transforms.a.type': 'RegexRouter', 'transforms.a.regex': '(?=x)', 'transforms.a.replacement': 'y' }
  assert.deepEqual(errorsOf(await validate({ ...file, ...router })), {
    'transforms.a.type': ['Invalid value RegexRouter for configuration transforms.a.type: look-ahead is not supported'],
  })
  let asked = 0
  const ask: ValidationParts['ask'] = async () => {
    asked++
    return [{ key: 'topic', message: 'No such topic' }]
  }
  assert.deepEqual(errorsOf(await validate({ ...file, 'tasks.max': '0' }, { ask })), {
    'tasks.max': ['Invalid value 0 for configuration tasks.max: Value must be at least 1'],
  })
  assert.equal(asked, 0)
  assert.deepEqual(errorsOf(await validate(file, { ask })), { topic: ['No such topic'] })
  const slow = await validate(file, { ask: () => new Promise(() => {}), askTimeoutMs: 20 })
  assert.match(errorsOf(slow)['connector.class']!.join(), /took longer than 0.02 s/)
  const broken = await validate(file, { ask: () => Promise.reject(new Error('host died')) })
  assert.match(errorsOf(broken)['connector.class']!.join(), /host died/)
})

test("a plugin's own settings come before the framework's, which it may redefine", () => {
  const names = pluginKeys(registry.source('FileStreamSource')!).map(({ name }) => name)
  assert.deepEqual(names.slice(0, 7), ['topic', 'file', 'password', 'batch.size', 'encryption', 'strict', 'name'])
  assert.deepEqual(
    pluginKeys(registry.converter('Json')!).map(({ name }) => name),
    ['schemas.enable'],
  )
})
