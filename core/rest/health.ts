import type { Control } from '../runtime/control.ts'
import { ok, type Answer, type Route } from './route.ts'

/** The Kafka Connect release whose REST API this one follows; clients switch features on by it. */
export const connectApiLevel = '4.3.1'

export interface WorkerIdentity {
  /** Millrace's own version. */
  readonly version: string
  /** Short commit id of the build; "unknown" where nobody recorded one. */
  readonly commit: string
  /** Stable over restarts of the same store; stands where Connect names its Kafka cluster. */
  readonly clusterId: string
}

/** `/`, Connect's `/health` (KIP-1017), and the probes that orchestrators ask. */
export function healthRoutes(control: Control, { commit, clusterId }: WorkerIdentity): readonly Route[] {
  return [
    { method: 'GET', path: '/', answer: () => ok({ version: connectApiLevel, commit, kafka_cluster_id: clusterId }) },
    { method: 'GET', path: '/health', answer: () => health(control) },
    { method: 'GET', path: '/livez', answer: () => ok({ status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      answer: () => (control.ready ? ok({ status: 'ok' }) : { status: 503, body: { status: 'starting' } }),
    },
  ]
}

function health(control: Control): Answer {
  if (control.ready) {
    return ok({ status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' })
  }
  return { status: 503, body: { status: 'starting', message: 'Worker is still starting up.' } }
}
