import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { apis, type Api } from '../../../../connectors/kafka/client/apis.ts'
import { Frames } from '../../../../connectors/kafka/client/frames.ts'
import { WireReader } from '../../../../connectors/kafka/client/wire-reader.ts'
import { WireWriter } from '../../../../connectors/kafka/client/wire-writer.ts'

/** What a request is answered with; `silence` leaves it open for ever, `cut` ends the connection. */
export type Script = (request: { readonly key: number; readonly body: WireReader }) => WireWriter | 'silence' | 'cut'

const sasl: readonly Api[] = [
  { name: 'SaslHandshake', key: 17, version: 1 },
  { name: 'SaslAuthenticate', key: 36, version: 1 },
]

/** A broker that says what a test wants, for what a real one cannot be brought to do: move leaders, fall silent, lie. */
export class ScriptedBroker implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Replaced at will. */
  script: Script
  /** Connections that were ever made. */
  accepted = 0

  private constructor(server: Server, script: Script) {
    this.#server = server
    this.script = script
    server.on('connection', (socket) => this.#serve(socket))
  }

  static async start(script: Script): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(createServer(), script)
    broker.#server.listen(0, '127.0.0.1')
    await once(broker.#server, 'listening')
    return broker
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Connections that stand. */
  get open(): number {
    return this.#sockets.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.accepted++
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // Clients may go as they like.
    socket.on('error', () => {})
    const frames = new Frames((frame) => {
      const body = new WireReader(frame)
      const key = body.int16()
      body.int16()
      const correlationId = body.int32()
      body.nullableString()
      const answer = key === apis.ApiVersions.key ? versions() : this.script({ key, body })
      if (answer === 'cut') return void socket.destroy()
      if (answer === 'silence') return
      const bytes = answer.bytes()
      const head = Buffer.alloc(8)
      head.writeInt32BE(bytes.length + 4, 0)
      head.writeInt32BE(correlationId, 4)
      socket.write(Buffer.concat([head, bytes]))
    })
    socket.on('data', (chunk) => frames.push(chunk))
  }
}

function versions(): WireWriter {
  const answer = new WireWriter().int16(0)
  return answer.array([...Object.values(apis), ...sasl], ({ key, version }) => answer.int16(key).int16(0).int16(version))
}

/** A metadata answer: node ids are places in `brokers`; partition n of the topic is led by `leaders[n]`. */
export function metadata(brokers: readonly ScriptedBroker[], topic: string, leaders: readonly number[]): WireWriter {
  const answer = new WireWriter().int32(0)
  answer.array([...brokers.entries()], ([id, broker]) => answer.int32(id).string('127.0.0.1').int32(broker.port).string(null))
  answer.string('scripted').int32(0)
  return answer.array([topic], (name) =>
    answer
      .int16(0)
      .string(name)
      .boolean(false)
      .array([...leaders.entries()], ([partition, leader]) => {
        answer.int16(0).int32(partition).int32(leader)
        for (let list = 0; list < 3; list++) answer.int32(0)
      }),
  )
}

/** A fetch answer about partition 0. */
export function fetched(topic: string, errorCode: number, records: Buffer = Buffer.alloc(0)): WireWriter {
  const answer = new WireWriter().int32(0).int16(0).int32(0)
  return answer.array([topic], (name) =>
    answer.string(name).array([0], (partition) =>
      answer
        .int32(partition)
        .int16(errorCode)
        .int64(1)
        .int64(1)
        .int64(0)
        .array([], () => {})
        .int32(-1)
        .bytesField(records),
    ),
  )
}
