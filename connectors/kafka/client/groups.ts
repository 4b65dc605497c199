import { apis, type Api } from './apis.ts'
import { byTopic } from './by-topic.ts'
import type { Coordination } from './coordination.ts'
import { codeOf, refusal } from './kafka-error.ts'
import type { CommittedOffset, GroupMember, GroupRequests, JoinedGroup, TopicPartition } from './port.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** A first join gets a member id and this code, and is made again with the id (KIP-394). */
const memberIdRequired = 79

/** Requests of consumer groups (classic protocol). */
export class Groups implements GroupRequests {
  readonly #coordination: Coordination

  constructor(coordination: Coordination) {
    this.#coordination = coordination
  }

  async join(request: Parameters<GroupRequests['join']>[0]): Promise<JoinedGroup> {
    const first = await this.#join(request, request.member)
    if (typeof first !== 'string') return first
    const second = await this.#join(request, first)
    if (typeof second === 'string') throw refusal(memberIdRequired, `to join group "${request.group}"`)
    return second
  }

  sync(member: GroupMember, assignments: readonly { readonly member: string; readonly assignment: Buffer }[]): Promise<Buffer> {
    const body = () => {
      const writer = writeMember(member)
      return writer.array(assignments, (one) => writer.string(one.member).bytesField(one.assignment))
    }
    return this.#call(member.group, apis.SyncGroup, body, `member "${member.member}" of group "${member.group}" its assignment`, (answer) =>
      answer.bytes(),
    )
  }

  heartbeat(member: GroupMember): Promise<void> {
    const task = `a heartbeat of member "${member.member}" of group "${member.group}"`
    return this.#call(
      member.group,
      apis.Heartbeat,
      () => writeMember(member),
      task,
      () => {},
    )
  }

  leave({ group, member }: GroupMember): Promise<void> {
    return this.#coordination.call({
      key: group,
      kind: 0,
      // Not behind a join of the same member, which may wait for others.
      purpose: 'control',
      api: apis.LeaveGroup,
      body: () => new WireWriter().string(group).string(member),
      read: (answer) => {
        answer.int32()
        const errorCode = answer.int16()
        if (errorCode !== 0) throw refusal(errorCode, `to let "${member}" leave group "${group}"`)
      },
    })
  }

  commit(member: GroupMember, offsets: readonly CommittedOffset[]): Promise<void> {
    const task = `to commit offsets of group "${member.group}"`
    return this.#coordination.call({
      key: member.group,
      kind: 0,
      api: apis.OffsetCommit,
      body: () => {
        const body = writeMember(member)
        return body.array(byTopic(offsets), ({ topic, items }) =>
          body
            .string(topic)
            .array(items, ({ partition, offset, metadata }) => body.int32(partition).int64(offset).int32(-1).string(metadata)),
        )
      },
      read: (answer) => {
        answer.int32()
        readPartitionCodes(answer, task)
      },
    })
  }

  async committed(group: string, partitions: readonly TopicPartition[] | null): Promise<readonly CommittedOffset[]> {
    const found = await this.#coordination.call({
      key: group,
      kind: 0,
      api: apis.OffsetFetch,
      body: () => {
        const body = new WireWriter().string(group)
        return body.array(partitions === null ? null : byTopic(partitions), ({ topic, items }) =>
          body.string(topic).array(items, ({ partition }) => body.int32(partition)),
        )
      },
      read: (answer) => readCommitted(answer, group),
    })
    return found.filter(({ offset }) => offset >= 0)
  }

  forget(group: string, partitions: readonly TopicPartition[]): Promise<void> {
    const task = `to forget offsets of group "${group}"`
    return this.#coordination.call({
      key: group,
      kind: 0,
      api: apis.OffsetDelete,
      body: () => {
        const body = new WireWriter().string(group)
        return body.array(byTopic(partitions), ({ topic, items }) =>
          body.string(topic).array(items, ({ partition }) => body.int32(partition)),
        )
      },
      read: (answer) => {
        const errorCode = answer.int16()
        if (errorCode !== 0 && errorCode !== 69) throw refusal(errorCode, task)
        answer.int32()
        if (errorCode === 0) readPartitionCodes(answer, task)
      },
    })
  }

  /** Resolves to the member id that the group gives where one must be had first. */
  async #join(request: Parameters<GroupRequests['join']>[0], member: string): Promise<JoinedGroup | string> {
    const { group, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request
    let given = ''
    try {
      return await this.#coordination.call({
        key: group,
        kind: 0,
        api: apis.JoinGroup,
        body: () => {
          const body = new WireWriter().string(group).int32(sessionTimeoutMs).int32(rebalanceTimeoutMs).string(member).string(null)
          return body.string('consumer').array(protocols, ({ name, metadata }) => body.string(name).bytesField(metadata))
        },
        options: { waitMs: rebalanceTimeoutMs },
        read: (answer) => {
          answer.int32()
          const errorCode = answer.int16()
          const joined = readJoined(answer, group)
          given = joined.member
          if (errorCode !== 0) throw refusal(errorCode, `to let this task join group "${group}"`)
          return joined
        },
      })
    } catch (error) {
      if (codeOf(error) === memberIdRequired && given !== '') return given
      throw error
    }
  }

  #call<T>(group: string, api: Api, body: () => WireWriter, task: string, read: (answer: WireReader) => T): Promise<T> {
    return this.#coordination.call({
      key: group,
      kind: 0,
      api,
      body,
      read: (answer) => {
        answer.int32()
        const errorCode = answer.int16()
        if (errorCode !== 0) throw refusal(errorCode, task)
        return read(answer)
      },
    })
  }
}

function writeMember({ group, generation, member }: GroupMember): WireWriter {
  return new WireWriter().string(group).int32(generation).string(member).string(null)
}

function readJoined(answer: WireReader, group: string): JoinedGroup {
  const generation = answer.int32()
  const protocol = answer.nullableString() ?? ''
  const leader = answer.string()
  const member = answer.string()
  const members = answer.array(() => {
    const id = answer.string()
    answer.nullableString()
    return { id, metadata: answer.bytes() }
  })
  return { group, generation, member, leader: leader === member && member !== '', protocol, members }
}

function readPartitionCodes(answer: WireReader, task: string): void {
  const refused: { readonly place: string; readonly errorCode: number }[] = []
  answer.array(() => {
    const topic = answer.string()
    answer.array(() => {
      const place = `${topic}-${answer.int32()}`
      const errorCode = answer.int16()
      if (errorCode !== 0) refused.push({ place, errorCode })
    })
  })
  const [first] = refused
  if (first) throw refusal(first.errorCode, `${task} (${refused.map(({ place }) => place).join(', ')})`)
}

function readCommitted(answer: WireReader, group: string): readonly CommittedOffset[] {
  answer.int32()
  const refused: number[] = []
  const found = answer
    .array(() => {
      const topic = answer.string()
      return answer.array(() => {
        const partition = answer.int32()
        const offset = answer.int64()
        answer.int32()
        const metadata = answer.nullableString() ?? ''
        const errorCode = answer.int16()
        // 3: the topic is gone, and what was committed of it with it.
        if (errorCode !== 0 && errorCode !== 3) refused.push(errorCode)
        return { topic, partition, offset, metadata }
      })
    })
    .flat()
  const errorCode = answer.int16() || (refused[0] ?? 0)
  if (errorCode !== 0) throw refusal(errorCode, `to tell the committed offsets of group "${group}"`)
  return found
}
