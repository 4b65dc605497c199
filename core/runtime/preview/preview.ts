import { BadRequestError, ConflictError } from '../../contract/errors.ts'
import type { ResolvedConfig } from '../config-providers.ts'
import type { RawConfig } from '../ends.ts'
import { RemoteError } from '../failure.ts'
import type { HostPool } from '../host-pool.ts'
import type { PlanParts } from '../plan.ts'
import { planPreview } from './plan-preview.ts'
import { previewLimits, type PreviewOrder } from './preview-spec.ts'

/** A preview that did not come to its end: foreign code hangs or ended its process, or a system that it asks is away. The message names it. */
export class PreviewBrokenError extends Error {
  override readonly name = 'PreviewBrokenError'
}

/** Previews that run at the same time: each has a process. */
const runningMax = 2

/** Runs previews, each in a host of its own that ends with it. */
export class Previews {
  readonly #pool: HostPool
  readonly #parts: PlanParts
  readonly #resolve: (config: RawConfig) => Promise<ResolvedConfig>
  #running = 0

  constructor(pool: HostPool, parts: PlanParts, resolve: (config: RawConfig) => Promise<ResolvedConfig>) {
    this.#pool = pool
    this.#parts = parts
    this.#resolve = resolve
  }

  /**
   * The answer as JSON text. `config` is the whole config, the connector's part in it. Throws a ConfigError, a BadRequestError, a ConflictError
   * where too many run, a PreviewBrokenError.
   */
  async run(order: PreviewOrder, config: RawConfig): Promise<string> {
    checkOrder(order)
    if (this.#running >= runningMax)
      throw new ConflictError(`${runningMax} previews are being run, as many as may; ask again when one is done`)
    this.#running++
    try {
      const { spec, secrets } = planPreview(order, config, await this.#resolve(config), this.#parts)
      return (await this.#pool.callAlone({ kind: 'preview', spec }, secrets, order.timeoutMs)) as string
    } catch (error) {
      throw error instanceof RemoteError ? refusalOf(error) : error
    } finally {
      this.#running--
    }
  }
}

function checkOrder({ samples, live, timeoutMs }: PreviewOrder): void {
  const { records, sampleBytes, timeoutMs: time } = previewLimits
  if ((live === null) === (samples.length === 0)) {
    throw new BadRequestError('A preview needs records: give "records" (samples) or "live" ({"records": 5}), and not both')
  }
  if ((live ?? samples.length) > records)
    throw new BadRequestError(`A preview takes at most ${records} records; these are ${live ?? samples.length}`)
  const bytes = samples.reduce((sum, sample) => sum + Buffer.byteLength(sample), 0)
  if (bytes > sampleBytes) throw new BadRequestError(`The samples are ${bytes} bytes of JSON; a preview takes at most ${sampleBytes}`)
  if (timeoutMs < time.min || timeoutMs > time.max) {
    throw new BadRequestError(`"timeoutMs" must lie between ${time.min} and ${time.max}; it is ${timeoutMs}`)
  }
}

/** What the host threw: a person's to mend, unless the code itself broke. */
function refusalOf(error: RemoteError): Error {
  switch (error.code) {
    case 'STALL':
    case 'SPIN':
    case 'MEMORY':
    case 'CRASH':
    case 'EXIT':
    case 'RETRIABLE':
      return new PreviewBrokenError(error.message, { cause: error })
    default:
      return new BadRequestError(error.message, { cause: error })
  }
}
