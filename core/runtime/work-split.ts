import { ConfigError } from '../contract/errors.ts'
import type { RawConfig } from './ends.ts'
import type { HostPool } from './host-pool.ts'
import type { Plan } from './plan.ts'
import { mayHave } from './registry.ts'

/** Asks the source, in a host, how its work is split: what each task's config has over the connector's. Throws where it asks for more tasks than allowed. */
export async function splitWork(name: string, plan: Plan, pool: HostPool): Promise<readonly RawConfig[]> {
  if (!mayHave(plan.ends.source, 'tasks')) return [{}]
  const max = plan.settings['tasks.max']
  const overlays = (await pool.call({ kind: 'tasks', part: plan.source, max }, plan.secrets)) as readonly RawConfig[]
  if (overlays.length <= max || !plan.settings['tasks.max.enforce']) return overlays
  const message =
    `The connector ${name} has generated ${overlays.length} tasks, which is greater than ${max}, the maximum number of tasks it is configured to create. ` +
    `This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false.`
  throw new ConfigError([{ key: 'tasks.max', value: String(max), message }])
}
