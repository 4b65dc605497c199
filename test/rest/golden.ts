/** One request and the answer that a Kafka Connect 4.3.1 worker gives to it; where ours is better on purpose, `because` says why. */
export interface Exchange {
  /** Verb and path. */
  readonly at: string
  /** JSON body; text is sent as it stands. */
  readonly send?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
  /** The whole answer. */
  readonly answer?: unknown
  /** The `message` of an error. */
  readonly message?: string
  /** Headers of the answer that matter. */
  readonly has?: Readonly<Record<string, string>>
  readonly because?: string
}

export interface Scenario {
  readonly name: string
  readonly exchanges: readonly Exchange[]
}

const source = 'org.apache.kafka.connect.file.FileStreamSourceConnector'
const sink = 'org.apache.kafka.connect.file.FileStreamSinkConnector'
const file = { 'connector.class': 'FileStreamSource', topic: 't', file: '/tmp/in' }
const toFile = { 'connector.class': 'FileStreamSink', topics: 't', file: '/tmp/out' }
const worker = { worker_id: '127.0.0.1:8083', version: '4.3.1' }
const echoed = { ...file, name: 'c' }
const info = { name: 'c', config: echoed, tasks: [{ connector: 'c', task: 0 }], type: 'source' }
const running = {
  name: 'c',
  connector: { state: 'RUNNING', ...worker },
  tasks: [{ id: 0, state: 'RUNNING', ...worker }],
  type: 'source',
}
const stopped = { name: 'c', connector: { state: 'STOPPED', ...worker }, tasks: [], type: 'source' }
const create: Exchange = { at: 'POST /connectors', send: { name: 'c', config: file }, status: 201, answer: info }
const createSink: Exchange = { at: 'POST /connectors', send: { name: 'c', config: toFile }, status: 201 }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Connect's text for an invalid config. */
function invalid(...errors: readonly string[]): string {
  return [
    `Connector configuration is invalid and contains the following ${errors.length} error(s):`,
    ...errors,
    'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`',
  ].join('\n')
}

/** A config that POST refuses, with its errors in order. */
function refused(change: Readonly<Record<string, unknown>>, ...errors: readonly string[]): Exchange {
  return { at: 'POST /connectors', send: { name: 'c', config: { ...file, ...change } }, status: 400, message: invalid(...errors) }
}

function refusedSink(change: Readonly<Record<string, unknown>>, ...errors: readonly string[]): Exchange {
  return { at: 'POST /connectors', send: { name: 'c', config: { ...toFile, ...change } }, status: 400, message: invalid(...errors) }
}

const protocol: Scenario = {
  name: 'the protocol',
  exchanges: [
    { at: 'GET /', status: 200, answer: { version: '4.3.1', commit: '26b251a451ce941d', kafka_cluster_id: 'kept-by-the-store' } },
    {
      at: 'GET /health',
      status: 200,
      answer: { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' },
    },
    { at: 'GET /nope', status: 404, message: 'HTTP 404 Not Found', has: { 'content-type': 'application/json' } },
    { at: 'GET /connectors/c/nope', status: 404, message: 'HTTP 404 Not Found' },
    { at: 'POST /', status: 405, message: 'HTTP 405 Method Not Allowed' },
    { at: 'DELETE /connectors', status: 405, message: 'HTTP 405 Method Not Allowed' },
    { at: 'PUT /connectors/c/status', status: 405, message: 'HTTP 405 Method Not Allowed' },
    { at: 'GET /connectors/c/pause', status: 405, message: 'HTTP 405 Method Not Allowed', has: { allow: 'PUT,OPTIONS' } },
    { at: 'GET /connectors', headers: { accept: 'text/html' }, status: 406, message: 'HTTP 406 Not Acceptable' },
    { at: 'GET /connectors', headers: { accept: 'text/html, */*;q=0.1' }, status: 200, answer: [] },
    { at: 'GET /connectors', headers: { accept: 'application/json;q=0' }, status: 406, message: 'HTTP 406 Not Acceptable' },
    { at: 'GET /connectors/', status: 200, answer: [] },
    { at: 'HEAD /connectors', status: 200 },
    { at: 'HEAD /connectors/c', status: 404 },
    {
      at: 'POST /connectors',
      headers: { 'content-type': 'text/plain' },
      send: '{}',
      status: 415,
      message: 'HTTP 415 Unsupported Media Type',
    },
    { at: 'POST /connectors', headers: { 'content-type': '' }, send: '{}', status: 415, message: 'HTTP 415 Unsupported Media Type' },
    { at: 'POST /connectors', headers: form, send: 'a=b', status: 415, message: 'HTTP 415 Unsupported Media Type' },
    {
      at: 'POST /connectors',
      headers: { 'content-type': 'Application/JSON; Charset=UTF-8' },
      send: { name: 'c', config: file },
      status: 201,
      answer: info,
    },
    { at: 'PUT /connectors/c/pause', headers: form, status: 202, because: 'axios sends form types with empty bodies' },
    { at: 'PUT /connectors/c/resume', headers: { 'content-type': 'application/json' }, status: 202 },
    { at: 'DELETE /connectors/c', headers: { 'content-type': 'application/json' }, status: 204 },
    { at: 'POST /connectors', send: '{"name":', status: 400, because: 'Connect answers 500 with the text of Jackson' },
    { at: 'POST /connectors', send: '[]', status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', send: '"c"', status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', send: { name: 'c' }, status: 400, because: 'Connect: 500 of a NullPointerException' },
    { at: 'POST /connectors', send: { name: 'c', config: file, extra: 1 }, status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', send: { name: {}, config: file }, status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', send: { name: 'c', config: { ...file, nested: { a: 1 } } }, status: 400, because: 'Connect: 500' },
    { at: 'POST /connectors', send: { name: 'c', config: { ...file, list: [] } }, status: 400, because: 'Connect: 500' },
    { at: 'GET /connectors/%E0%A4%A', status: 400 },
  ],
}

const creating: Scenario = {
  name: 'creating connectors',
  exchanges: [
    {
      at: 'POST /connectors',
      send: { name: ' c ', config: file },
      status: 201,
      answer: info,
      has: { location: 'http://localhost:80/connectors/c' },
    },
    { at: 'POST /connectors', send: { name: 'c', config: file }, status: 409, message: 'Connector c already exists' },
    {
      at: 'POST /connectors',
      send: { name: 'c', config: { ...file, 'tasks.max': 0 } },
      status: 400,
      message: invalid('Invalid value 0 for configuration tasks.max: Value must be at least 1'),
    },
    {
      at: 'POST /connectors',
      send: { name: 'd', config: { ...file, name: 'x' } },
      status: 400,
      message: "Connector name configuration (x) doesn't match connector name in the URL (d)",
    },
    {
      at: 'POST /connectors',
      send: { config: { ...file, name: 'x' } },
      status: 400,
      message: "Connector name configuration (x) doesn't match connector name in the URL ()",
    },
    {
      at: 'POST /connectors',
      send: { name: 'd', config: { topic: 't' } },
      status: 400,
      message: 'Connector config {topic=t, name=d} contains no connector type',
    },
    {
      at: 'POST /connectors',
      send: { name: 'd', config: { ...file, 'connector.class': 'child_process' } },
      status: 400,
      message:
        'Failed to find any class that implements Connector and which name matches child_process, available connectors are: ' +
        `${source}, org.example.KafkaSource, ${sink}, org.example.KafkaSink, io.millrace.connector.delta.DeltaSinkConnector`,
    },
    {
      at: 'POST /connectors',
      send: '{"name":"n","config":{"connector.class":"FileStreamSource","topic":"t","a":1.10,"b":9007199254740993,"c":true,"d":1e3}}',
      status: 201,
      answer: {
        name: 'n',
        config: { 'connector.class': 'FileStreamSource', topic: 't', a: '1.10', b: '9007199254740993', c: 'true', d: '1e3', name: 'n' },
        tasks: [{ connector: 'n', task: 0 }],
        type: 'source',
      },
    },
    {
      at: 'POST /connectors',
      send: '{"name":"last","config":{"connector.class":"FileStreamSource","topic":"first","topic":"last"}}',
      status: 201,
      answer: {
        name: 'last',
        config: { 'connector.class': 'FileStreamSource', topic: 'last', name: 'last' },
        tasks: [{ connector: 'last', task: 0 }],
        type: 'source',
      },
    },
    {
      at: 'POST /connectors',
      send: { name: 'p', config: file, initial_state: 'paused' },
      status: 201,
      answer: { name: 'p', config: { ...file, name: 'p' }, tasks: [], type: 'source' },
    },
    {
      at: 'GET /connectors/p/status',
      status: 200,
      answer: { name: 'p', connector: { state: 'PAUSED', ...worker, version: null }, tasks: [], type: 'source' },
    },
    {
      at: 'POST /connectors',
      send: { name: 's', config: file, initial_state: 'STOPPED' },
      status: 201,
      answer: { name: 's', config: { ...file, name: 's' }, tasks: [], type: 'source' },
    },
    { at: 'POST /connectors', send: { name: 'q', config: file, initial_state: 'ASLEEP' }, status: 400, because: 'Connect: 500' },
    { at: 'GET /connectors', status: 200, answer: ['c', 'n', 'last', 'p', 's'] },
    ...[
      'a->b',
      'with space',
      'ümläut',
      '"quoted"',
      'a+b',
      'a?b',
      'a#b',
      'a/b',
      '100%',
      'back\\slash',

      '__proto__',
      'toString',
      '🦆',
    ].flatMap((name): readonly Exchange[] => [
      {
        at: 'POST /connectors',
        send: { name, config: file },
        status: 201,
        has: { location: `http://localhost:80/connectors/${encodeURIComponent(name)}` },
      },
      {
        at: `GET /connectors/${encodeURIComponent(name)}/config`,
        status: 200,
        answer: { ...file, name },
        ...(/[/%\\]/.test(name) && { because: 'Connect creates such a connector and cannot reach it again' }),
      },
    ]),
  ],
}

const invalidConfigs: Scenario = {
  name: 'configs that are refused',
  exchanges: [
    refused({ topic: undefined }, 'Missing required configuration "topic" which has no default value.'),
    refused(
      { 'tasks.max': 'abc' },
      'Invalid value abc for configuration tasks.max: Not a number of type INT',
      'Invalid value null for configuration tasks.max: Value must be non-null',
    ),
    refused({ 'tasks.max': -1 }, 'Invalid value -1 for configuration tasks.max: Value must be at least 1'),
    refused(
      { 'tasks.max': '1e3' },
      'Invalid value 1e3 for configuration tasks.max: Not a number of type INT',
      'Invalid value null for configuration tasks.max: Value must be non-null',
    ),
    refused({ 'tasks.max': 1e9 }, 'Invalid value 1000000000 for configuration tasks.max: Value must be no more than 1000'),
    refused({ 'errors.tolerance': 'some' }, 'Invalid value some for configuration errors.tolerance: String must be one of: none, all'),
    refused(
      { 'errors.log.enable': 'maybe' },
      'Invalid value maybe for configuration errors.log.enable: Expected value to be either true or false',
    ),
    refused({ 'value.converter': 'X' }, 'Invalid value X for configuration value.converter: Class X could not be found.'),
    refused(
      { 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'si' },
      'Invalid value si for configuration value.converter.schemas.enable: Expected value to be either true or false',
    ),
    refused(
      { transforms: 'a', 'transforms.a.type': 'X' },
      'Invalid value X for configuration transforms.a.type: Class X could not be found.',
    ),
    refused({ transforms: 'a' }, 'Missing required configuration "transforms.a.type" which has no default value.'),
    refused(
      { transforms: 'a, a', 'transforms.a.type': 'RegexRouter', 'transforms.a.regex': 'x', 'transforms.a.replacement': 'y' },
      'Invalid value [a, a] for configuration transforms: Duplicate alias provided.',
    ),
    refused(
      {
        transforms: 'a',
        'transforms.a.type': 'RegexRouter',
        'transforms.a.regex': 'x',
        'transforms.a.replacement': 'y',
        'transforms.a.negate': 'true',
      },
      "Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be negated.",
    ),
    refused(
      { transforms: 'a', 'transforms.a.type': 'InsertField$Value' },
      'Invalid value InsertField$Value for configuration transforms.a.type: Class InsertField$Value could not be found.',
    ),
    refused(
      { transforms: 'a', 'transforms.a.type': 'RegexRouter' },
      'Missing required configuration "transforms.a.regex" which has no default value.',
      'Missing required configuration "transforms.a.replacement" which has no default value.',
    ),
    refused({ 'any.key': null }, 'Null value can not be supplied as the configuration value.'),
    refused({ topic: null }, 'Null value can not be supplied as the configuration value.'),
    refused({ 'exactly.once.support': 'required' }, 'This worker does not have exactly-once source support enabled.'),
    { ...refused({}, 'Invalid value  for configuration name: String may not be empty'), send: { name: '  ', config: file } },
    {
      ...refused(
        {},
        'Invalid value a\nb for configuration name: String may not contain control sequences but had the following ASCII chars: 10',
      ),
      send: { name: 'a\nb', config: file },
    },
    { at: 'POST /connectors', send: { name: 'x'.repeat(10_240), config: file }, status: 400, because: 'Connect has no bound' },
    refusedSink({ topics: undefined }, 'Must configure one of topics or topics.regex', 'Must configure one of topics or topics.regex'),
    refusedSink(
      { 'topics.regex': 't.*' },
      'topics and topics.regex are mutually exclusive options, but both are set.',
      'topics and topics.regex are mutually exclusive options, but both are set.',
    ),
    refusedSink(
      { topics: 'd', 'errors.deadletterqueue.topic.name': 'd' },
      "The DLQ topic 'd' may not be included in the list of topics ('topics=[d]') consumed by the connector",
    ),
    refused({ encryption: 'on' }, 'Configuration encryption is not supported: files are read as they are'),
  ],
}

const reading: Scenario = {
  name: 'reading connectors',
  exchanges: [
    create,
    { at: 'GET /connectors', status: 200, answer: ['c'] },
    { at: 'GET /connectors?expand=info', status: 200, answer: { c: { info } } },
    { at: 'GET /connectors?expand=status', status: 200, answer: { c: { status: running } } },
    { at: 'GET /connectors?expand=info&expand=status', status: 200, answer: { c: { info, status: running } } },
    { at: 'GET /connectors?expand=status&expand=info', status: 200, answer: { c: { info, status: running } } },
    { at: 'GET /connectors?expand=info,status', status: 200, answer: { c: {} } },
    { at: 'GET /connectors?expand=all', status: 200, answer: { c: {} } },
    { at: 'GET /connectors?expand=', status: 200, answer: { c: {} } },
    { at: 'GET /connectors?expand[]=status', status: 200, answer: ['c'] },
    { at: 'GET /connectors/c', status: 200, answer: info },
    { at: 'GET /connectors/c/', status: 200, answer: info },
    { at: 'GET /connectors/c/config', status: 200, answer: echoed },
    { at: 'GET /connectors/c/status', status: 200, answer: running },
    {
      at: 'GET /connectors/c/tasks',
      status: 200,
      answer: [{ id: { connector: 'c', task: 0 }, config: { ...echoed, 'task.class': 'FileStreamSourceTask' } }],
    },
    { at: 'GET /connectors/c/tasks/0/status', status: 200, answer: running.tasks[0] },
    { at: 'GET /connectors/c/tasks/1/status', status: 404, message: 'No status found for task c-1' },
    { at: 'GET /connectors/c/tasks/-1/status', status: 404, message: 'No status found for task c--1' },
    { at: 'GET /connectors/c/tasks/x/status', status: 404, message: 'HTTP 404 Not Found' },
    { at: 'GET /connectors/c/tasks/99999999999/status', status: 404, message: 'HTTP 404 Not Found' },
    { at: 'GET /connectors/c/topics', status: 200, answer: { c: { topics: [] } } },
    { at: 'PUT /connectors/c/topics/reset', status: 202 },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [] } },
    { at: 'GET /connectors/d', status: 404, message: 'Connector d not found' },
    { at: 'GET /connectors/d/config', status: 404, message: 'Connector d not found' },
    { at: 'GET /connectors/d/tasks', status: 404, message: 'Connector d not found' },
    { at: 'GET /connectors/d/offsets', status: 404, message: 'Connector d not found' },
    { at: 'GET /connectors/d/status', status: 404, message: 'No status found for connector d' },
    { at: 'GET /connectors/d/tasks/1/status', status: 404, message: 'No status found for task d-1' },
    { at: 'GET /connectors/d/topics', status: 200, answer: { d: { topics: [] } } },
    { at: 'PUT /connectors/d/topics/reset', status: 202 },
    { at: 'DELETE /connectors/d', status: 404, message: 'Connector d not found' },
    { at: 'PATCH /connectors/d/config', send: {}, status: 404, message: 'Connector d not found' },
  ],
}

const changing: Scenario = {
  name: 'changing connectors',
  exchanges: [
    { at: 'PUT /connectors/c/config', send: file, status: 201, answer: info, has: { location: 'http://localhost:80/connectors/c' } },
    {
      at: 'PUT /connectors/c/config',
      send: { ...file, topic: 'u' },
      status: 200,
      answer: { ...info, config: { ...file, topic: 'u', name: 'c' } },
    },
    {
      at: 'PUT /connectors/c/config',
      send: { ...file, name: 'x' },
      status: 400,
      message: "Connector name configuration (x) doesn't match connector name in the URL (c)",
    },
    { at: 'PUT /connectors/c/config', send: {}, status: 400, message: 'Connector config {name=c} contains no connector type' },
    { at: 'PUT /connectors/c/config', status: 400, because: 'Connect: 500' },
    { at: 'PUT /connectors/c/config', send: 'null', status: 400, because: 'Connect: 500' },
    {
      at: 'PUT /connectors/c/config',
      send: { ...file, topic: null },
      status: 400,
      message: invalid('Null value can not be supplied as the configuration value.'),
    },
    { at: 'GET /connectors/c/config', status: 200, answer: { ...file, topic: 'u', name: 'c' } },
    { at: 'PATCH /connectors/c/config', send: { topic: 't', file: null }, status: 200 },
    { at: 'GET /connectors/c/config', status: 200, answer: { 'connector.class': 'FileStreamSource', topic: 't', name: 'c' } },
    { at: 'PATCH /connectors/c/config', send: { absent: null }, status: 200 },
    { at: 'PATCH /connectors/c/config', send: {}, status: 200 },
    { at: 'PATCH /connectors/c/config', send: { 'batch.size': 17 }, status: 200 },
    {
      at: 'PATCH /connectors/c/config',
      send: { topic: null },
      status: 400,
      message: invalid('Missing required configuration "topic" which has no default value.'),
    },
    { at: 'PATCH /connectors/c/config', send: { name: 'x' }, status: 400 },
    {
      at: 'GET /connectors/c/config',
      status: 200,
      answer: { 'connector.class': 'FileStreamSource', topic: 't', name: 'c', 'batch.size': '17' },
    },
    { at: 'DELETE /connectors/c', status: 204 },
    { at: 'GET /connectors/c/status', status: 404, message: 'No status found for connector c' },
    { at: 'GET /connectors/c', status: 404, message: 'Connector c not found' },
  ],
}

const states: Scenario = {
  name: 'pause, resume, stop and restart',
  exchanges: [
    create,
    { at: 'PUT /connectors/c/pause', status: 202 },
    {
      at: 'GET /connectors/c/status',
      status: 200,
      answer: { ...running, connector: { state: 'PAUSED', ...worker }, tasks: [{ id: 0, state: 'PAUSED', ...worker }] },
    },
    { at: 'PUT /connectors/c/pause', status: 202 },
    { at: 'PUT /connectors/c/resume', status: 202 },
    { at: 'GET /connectors/c/status', status: 200, answer: running },
    { at: 'PUT /connectors/c/stop', status: 204 },
    { at: 'GET /connectors/c/status', status: 200, answer: stopped },
    { at: 'PUT /connectors/c/pause', status: 202 },
    {
      at: 'GET /connectors/c/status',
      status: 200,
      answer: { ...running, connector: { state: 'PAUSED', ...worker }, tasks: [] },
    },
    { at: 'PUT /connectors/c/resume', status: 202 },
    { at: 'POST /connectors/c/restart', status: 204 },
    { at: 'POST /connectors/c/restart', send: { params: { includeTasks: true } }, status: 204, because: 'options in the body are ignored' },
    { at: 'POST /connectors/c/restart?includeTasks=false&onlyFailed=false', status: 204 },
    { at: 'POST /connectors/c/restart?includeTasks=yes', status: 204 },
    {
      at: 'POST /connectors/c/restart?includeTasks=True',
      status: 202,
      answer: { ...running, connector: { state: 'RESTARTING', ...worker }, tasks: [{ id: 0, state: 'RESTARTING', ...worker }] },
    },
    { at: 'POST /connectors/c/restart?onlyFailed=true', status: 202, answer: running },
    { at: 'POST /connectors/c/restart?onlyFailed=TRUE&includeTasks=true', status: 202, answer: running },
    { at: 'POST /connectors/c/tasks/0/restart', status: 204 },
    { at: 'POST /connectors/c/tasks/1/restart', status: 404, message: 'Unknown task: c-1' },
    { at: 'POST /connectors/c/tasks/x/restart', status: 404, message: 'HTTP 404 Not Found' },
    { at: 'POST /connectors/d/restart', status: 404, message: 'Unknown connector: d' },
    { at: 'POST /connectors/d/restart?includeTasks=true', status: 404, message: 'Unknown connector: d' },
    { at: 'POST /connectors/d/tasks/0/restart', status: 404, message: 'Unknown connector: d' },
    { at: 'PUT /connectors/d/pause', status: 404, message: 'Unknown connector d' },
    { at: 'PUT /connectors/d/resume', status: 404, message: 'Unknown connector d' },
    { at: 'PUT /connectors/d/stop', status: 404, message: 'Unknown connector d' },
  ],
}

const notStopped =
  "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/c/stop' endpoint"
const nothing = 'Partitions / offsets need to be provided for an alter offsets request'
const altered = { message: 'The offsets for this connector have been altered successfully' }
const reset = { message: 'The offsets for this connector have been reset successfully' }
const entry = { partition: { filename: '/tmp/in' }, offset: { position: 4 } }

const sourceOffsets: Scenario = {
  name: 'offsets of a source',
  exchanges: [
    create,
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [entry] }, status: 400, message: notStopped },
    { at: 'DELETE /connectors/c/offsets', status: 400, message: notStopped },
    { at: 'PUT /connectors/c/stop', status: 204 },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [entry] }, status: 200, answer: altered },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [entry] } },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ partition: entry.partition, offset: null }] }, status: 200, answer: altered },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [] } },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [entry] }, status: 200, answer: altered },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ partition: entry.partition }] }, status: 200, answer: altered },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [] } },
    { at: 'DELETE /connectors/c/offsets', status: 200, answer: reset },
    { at: 'DELETE /connectors/c/offsets', status: 200, answer: reset },
    { at: 'PATCH /connectors/c/offsets', status: 400, message: nothing },
    { at: 'PATCH /connectors/c/offsets', send: {}, status: 400, message: nothing },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [] }, status: 400, message: nothing },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: null }, status: 400, message: nothing },
    { at: 'PATCH /connectors/d/offsets', send: {}, status: 400, message: nothing },
    { at: 'PATCH /connectors/d/offsets', send: { offsets: [entry] }, status: 404, message: 'Connector d not found' },
    { at: 'DELETE /connectors/d/offsets', status: 404, message: 'Connector d not found' },
    { at: 'PATCH /connectors/c/offsets', send: [], status: 400, because: 'Connect: 500' },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: {} }, status: 400, because: 'Connect: 500' },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [4] }, status: 400, because: 'Connect: 500' },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ offset: {} }] }, status: 400, because: 'Connect: 500' },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ ...entry, offset: 4 }] }, status: 400, because: 'Connect: 500' },
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [entry], more: 1 }, status: 400, because: 'Connect: 500' },
    {
      at: 'PATCH /connectors/c/offsets',
      send: { offsets: [{ ...entry, offset: { position: 'four' } }] },
      status: 400,
      message: '"position" must be a number',
    },
    {
      at: 'PATCH /connectors/c/offsets',
      send: '{"offsets":[{"partition":{"filename":"/tmp/in"},"offset":{"position":9007199254740993}}]}',
      status: 400,
      message: 'The number 9007199254740993 cannot be held exactly: send it as text, "9007199254740993"',
      because: 'a rounded offset would be a silent jump',
    },
  ],
}

/** An offset that a sink connector refuses. */
function refusedOffset(partition: unknown, offset: unknown, message: string): Exchange {
  return { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ partition, offset }] }, status: 400, message }
}

const place = { kafka_topic: 't', kafka_partition: 0 }
const sinkOffsets: Scenario = {
  name: 'offsets of a sink',
  exchanges: [
    createSink,
    { at: 'PATCH /connectors/c/offsets', send: { offsets: [{ partition: {}, offset: {} }] }, status: 400, message: notStopped },
    { at: 'PUT /connectors/c/stop', status: 204 },
    {
      at: 'PATCH /connectors/c/offsets',
      send: { offsets: [{ partition: { ...place, kafka_partition: '0', more: 1 }, offset: { kafka_offset: '2' } }] },
      status: 200,
      answer: altered,
    },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [{ partition: place, offset: { kafka_offset: 2 } }] } },
    refusedOffset(
      { kafka_topic: 't' },
      null,
      "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
    ),
    refusedOffset(
      { ...place, kafka_partition: 'x' },
      null,
      "Failed to parse the following Kafka partition value in the provided offsets: 'x'. Partition values for sink connectors need to be integers.",
    ),
    refusedOffset(
      place,
      { kafka_offset: 'x' },
      "Failed to parse the following Kafka offset value in the provided offsets: 'x'. Offset values for sink connectors need to be integers.",
    ),
    refusedOffset(
      place,
      { kafka_offset: -1 },
      "Failed to parse the following Kafka offset value in the provided offsets: '-1'. Offset values for sink connectors need to be integers.",
    ),
    refusedOffset(place, { position: 2 }, "The offset for a sink connector should either be null or contain the key 'kafka_offset'"),
    refusedOffset({ ...place, kafka_topic: null }, null, 'Kafka topic names must be valid strings and may not be null'),
    refusedOffset({ ...place, kafka_partition: null }, null, 'Kafka partitions must be valid numbers and may not be null'),
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [{ partition: place, offset: { kafka_offset: 2 } }] } },
    { at: 'DELETE /connectors/c/offsets', status: 200, answer: reset },
    { at: 'GET /connectors/c/offsets', status: 200, answer: { offsets: [] } },
  ],
}

const connectors = [
  { class: source, type: 'source', version: '4.3.1' },
  { class: 'org.example.KafkaSource', type: 'source', version: '4.3.1' },
  { class: sink, type: 'sink', version: '4.3.1' },
  { class: 'org.example.KafkaSink', type: 'sink', version: '4.3.1' },
  { class: 'io.millrace.connector.delta.DeltaSinkConnector', type: 'sink', version: '4.3.1' },
]
const others = [
  { class: 'org.apache.kafka.connect.json.JsonConverter', type: 'converter', version: '4.3.1' },
  { class: 'org.apache.kafka.connect.json.JsonConverter', type: 'header_converter', version: '4.3.1' },
  { class: 'org.apache.kafka.connect.transforms.RegexRouter', type: 'transformation', version: '4.3.1' },
  { class: 'org.apache.kafka.connect.transforms.InsertField$Value', type: 'transformation', version: '4.3.1' },
  { class: 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches', type: 'predicate', version: '4.3.1' },
]
const mismatch = (included: string, asked: string) => `Included connector type ${included} does not match request type ${asked}`

const plugins: Scenario = {
  name: 'plugins',
  exchanges: [
    { at: 'GET /connector-plugins', status: 200, answer: connectors },
    { at: 'GET /connector-plugins/', status: 200, answer: connectors },
    { at: 'GET /connector-plugins?connectorsOnly', status: 200, answer: connectors },
    { at: 'GET /connector-plugins?connectorsOnly=', status: 200, answer: connectors },
    { at: 'GET /connector-plugins?connectorsOnly=True', status: 200, answer: connectors },
    { at: 'GET /connector-plugins?connectorsOnly=false', status: 200, answer: [...connectors, ...others] },
    { at: 'GET /connector-plugins?connectorsOnly=nonsense', status: 200, answer: [...connectors, ...others] },
    ...[
      'JsonConverter',
      'Json',
      'RegexRouter',
      'FileStreamSource',
      'FileStreamSourceConnector',
      source,
      'file',
      'TopicNameMatches',
      'org.apache.kafka.connect.transforms.InsertField$Value',
      'JsonConverter/config?version=latest',
      'JsonConverter/config?version=[4.0,5.0)',
    ].map((name): Exchange => ({ at: `GET /connector-plugins/${name.includes('/') ? name : `${name}/config`}`, status: 200 })),
    { at: 'GET /connector-plugins/InsertField$Value/config', status: 404, message: 'Unknown plugin InsertField$Value.' },
    { at: 'GET /connector-plugins/X/config', status: 404, message: 'Unknown plugin X.' },
    { at: 'GET /connector-plugins/JsonConverter/config?version=[5.0,6.0)', status: 404, message: 'Unknown plugin JsonConverter.' },
    { at: 'GET /connector-plugins/JsonConverter/config?version=[5.0', status: 400 },
    ...[
      ['FileStreamSource', 'FileStreamSource'],
      ['FileStreamSource', 'FileStreamSourceConnector'],
      ['FileStreamSource', source],
      ['FileStreamSourceConnector', source],
      [source, source],
      ['file', 'FileStreamSource'],
    ].map(([plugin, name]): Exchange => ({
      at: `PUT /connector-plugins/${plugin}/config/validate`,
      send: { 'connector.class': name },
      status: 200,
    })),
    {
      at: `PUT /connector-plugins/${source}/config/validate`,
      send: { 'connector.class': 'FileStreamSource' },
      status: 400,
      message: mismatch('FileStreamSource', source),
    },
    {
      at: 'PUT /connector-plugins/FileStreamSink/config/validate',
      send: { 'connector.class': 'FileStreamSource' },
      status: 400,
      message: mismatch('FileStreamSource', 'FileStreamSink'),
    },
    {
      at: 'PUT /connector-plugins/FileStreamSource/config/validate',
      send: { name: 'c' },
      status: 400,
      message: 'Connector config {name=c} contains no connector type',
    },
  ],
}

const quiet = { level: 'INFO', last_modified: null }
const loggers: Scenario = {
  name: 'loggers',
  exchanges: [
    { at: 'GET /admin/loggers', status: 200, answer: { 'millrace.rest': quiet, 'millrace.worker': quiet, root: quiet } },
    { at: 'GET /admin/loggers/', status: 200, answer: { 'millrace.rest': quiet, 'millrace.worker': quiet, root: quiet } },
    { at: 'GET /admin/loggers/root', status: 200, answer: quiet },
    { at: 'GET /admin/loggers/x', status: 404, message: 'Logger x not found.' },
    { at: 'PUT /admin/loggers/root', send: {}, status: 400, message: "Desired 'level' parameter was not specified in request." },
    { at: 'PUT /admin/loggers/root', status: 400, message: "Desired 'level' parameter was not specified in request." },
    { at: 'PUT /admin/loggers/root', send: { level: 'LOUD' }, status: 404, message: "invalid log level 'LOUD'." },
    { at: 'PUT /admin/loggers/millrace', send: { level: 'debug' }, status: 200, answer: ['millrace.rest', 'millrace.worker'] },
    { at: 'PUT /admin/loggers/millrace', send: { level: 'DEBUG' }, status: 200, answer: [] },
    { at: 'PUT /admin/loggers/millrace.rest?scope=worker', send: { level: 'TRACE' }, status: 200, answer: ['millrace.rest'] },
    { at: 'PUT /admin/loggers/millrace.rest?scope=moon', send: { level: 'WARN' }, status: 200, answer: ['millrace.rest'] },
    { at: 'PUT /admin/loggers/millrace.rest?scope=cluster', send: { level: 'INFO' }, status: 204 },
    { at: 'PUT /admin/loggers/root', send: { level: 4 }, status: 400, because: 'Connect: 500' },
  ],
}

/** Each scenario begins on a worker without connectors. */
export const golden: readonly Scenario[] = [
  protocol,
  creating,
  invalidConfigs,
  reading,
  changing,
  states,
  sourceOffsets,
  sinkOffsets,
  plugins,
  loggers,
]
