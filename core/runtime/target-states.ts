import type { StoredTarget } from '../store/store.ts'
import type { TargetState } from './control.ts'

/** What is stored for a target state. */
export const stored: Readonly<Record<TargetState, StoredTarget>> = { RUNNING: 'STARTED', PAUSED: 'PAUSED', STOPPED: 'STOPPED' }

/** The target state that was stored. */
export const targets: Readonly<Record<StoredTarget, TargetState>> = {
  STARTED: 'RUNNING',
  PAUSED: 'PAUSED',
  STOPPED: 'STOPPED',
  COMPLETED: 'STOPPED',
}
