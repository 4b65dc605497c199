import { randomUUID } from 'node:crypto'
import { FencedError } from '../../core/index.ts'
import { type Action, commitText } from './actions.ts'
import { applyCommit, commitName, refresh, type TableState } from './log.ts'
import type { Storage } from './storage.ts'

/** One attempt's content, made from the state that it would follow. */
export interface CommitParts {
  /** Everything but the commitInfo. */
  readonly actions: readonly Action[]
  /** Fields of the commitInfo. */
  readonly info: Readonly<Record<string, unknown>>
}

export interface CommitPlan {
  /** An application id that only this task advances and that the state shows advanced by another; undefined: none, the task is still the owner. */
  moved(state: TableState): string | undefined
  /** Called per attempt, after `conflict` for those after the first. */
  build(state: TableState): Promise<CommitParts>
  /** Others committed: `news` are their actions, already part of the state. Throws where what is staged cannot follow them. */
  conflict(state: TableState, news: readonly Action[]): Promise<void>
}

/**
 * Writes the next commit of a table, by exactly one winner per version; the losers see what was committed and try the next version
 * (PROTOCOL.md, "Writer Requirements"; conflict rules as in delta-rs' conflict checker). Resolves to the version when it is durable, with the
 * state brought up to it. Throws a FencedError where another task advanced a transaction that is this task's.
 */
export async function commit(storage: Storage, table: string, state: TableState, plan: CommitPlan, kill: AbortSignal): Promise<number> {
  const id = randomUUID()
  for (let attempt = 1; ; attempt++) {
    kill.throwIfAborted()
    checkOwner(table, state, plan)
    const { actions, info } = await plan.build(state)
    const version = state.version + 1
    const all: Action[] = [{ commitInfo: { timestamp: Date.now(), ...info, txnId: id } }, ...actions]
    if (await storage.putIfAbsent(commitName(table, version), commitText(all))) {
      applyCommit(state, all, version)
      return version
    }
    const news = await refresh(storage, table, state)
    if (news.some((one) => one.some((action) => action.commitInfo?.['txnId'] === id))) return state.version
    // Before the plan looks at the conflict: what another task of the same connector did is no conflict to solve.
    checkOwner(table, state, plan)
    if (attempt >= attemptsMax)
      throw new Error(`Table ${table}: other writers won ${attemptsMax} versions in a row; lower their number or rate`)
    await plan.conflict(state, news.flat())
  }
}

const attemptsMax = 100

function checkOwner(table: string, state: TableState, plan: CommitPlan): void {
  const moved = plan.moved(state)
  if (moved === undefined) return
  throw new FencedError(`Table ${table}: another task committed ${moved} up to ${state.transactions.get(moved)} while this one was writing`)
}
