import { BadRequestError, ConflictError } from '../../contract/errors.ts'
import type { Pins } from '../../store/store.ts'
import type { ResolvedConfig } from '../config-providers.ts'
import type { RawConfig } from '../ends.ts'
import { RemoteError } from '../failure.ts'
import type { HostPool } from '../host-pool.ts'
import type { LetterDesk } from '../letters/letter-desk.ts'
import type { PlanParts } from '../plan.ts'
import { noPins } from '../version-keys.ts'
import { letterSamples } from './letter-samples.ts'
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
   * The answer as JSON text. `config` is the whole config, the connector's part in it; `desk` has the connector's dead letters, `pins` are the
   * versions that it runs with. Throws a ConfigError, a BadRequestError, a ConflictError
   * where too many run, a PreviewBrokenError.
   */
  async run(order: PreviewOrder, config: RawConfig, desk: (() => Promise<LetterDesk>) | undefined, pins: Pins = noPins): Promise<string> {
    checkOrder(order)
    if (this.#running >= runningMax)
      throw new ConflictError(`${runningMax} previews are being run, as many as may; ask again when one is done`)
    this.#running++
    try {
      const letters = order.letters === null ? undefined : await lettersOf(order.letters, desk)
      const given = letters ? { ...order, samples: letters.samples } : order
      checkSize(given)
      const { spec, secrets } = planPreview(given, config, await this.#resolve(config), this.#parts, pins)
      const noted = letters ? { ...spec, notes: [...spec.notes, ...letters.notes] } : spec
      return (await this.#pool.callAlone({ kind: 'preview', spec: noted }, secrets, order.timeoutMs)) as string
    } catch (error) {
      throw error instanceof RemoteError ? refusalOf(error) : error
    } finally {
      this.#running--
    }
  }
}

function checkOrder({ samples, live, letters, timeoutMs }: PreviewOrder): void {
  const { records, timeoutMs: time } = previewLimits
  if ([live !== null, letters !== null, samples.length > 0].filter(Boolean).length !== 1) {
    throw new BadRequestError(
      'A preview needs records from one place: give "records" (samples), "live" ({"records": 5}) or "deadLetters" ({"records": 5})',
    )
  }
  const count = live ?? letters ?? samples.length
  if (count > records) throw new BadRequestError(`A preview takes at most ${records} records; these are ${count}`)
  if (timeoutMs < time.min || timeoutMs > time.max) {
    throw new BadRequestError(`"timeoutMs" must lie between ${time.min} and ${time.max}; it is ${timeoutMs}`)
  }
}

function checkSize({ samples }: PreviewOrder): void {
  const { sampleBytes } = previewLimits
  const bytes = samples.reduce((sum, sample) => sum + Buffer.byteLength(sample), 0)
  if (bytes > sampleBytes) throw new BadRequestError(`The samples are ${bytes} bytes of JSON; a preview takes at most ${sampleBytes}`)
}

/** The connector's newest dead letters. */
async function lettersOf(
  count: number,
  desk: (() => Promise<LetterDesk>) | undefined,
): Promise<{ readonly samples: readonly string[]; readonly notes: readonly string[] }> {
  if (!desk) throw new BadRequestError('"deadLetters" are those of a connector: name it with "connector"')
  const page = await (await desk()).list({ filter: {}, limit: count, cursor: null })
  const { samples, passedOver } = letterSamples(page.letters)
  const missing = `There are ${page.letters.length} dead letters where ${count} were asked for.`
  const lost = `${passedOver} dead letters do not hold their record as it was before the chain, and are passed over.`
  return { samples, notes: [...(page.letters.length < count ? [missing] : []), ...(passedOver > 0 ? [lost] : [])] }
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
