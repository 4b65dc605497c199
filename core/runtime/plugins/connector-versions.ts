import type { Pin, Pins, RefusedVersions, StoredVersions } from '../../store/store.ts'
import type { RawConfig } from '../ends.ts'
import type { Registry } from '../registry.ts'
import { noPins } from '../version-keys.ts'
import { versionsNamed } from './config-versions.ts'

/** A failed upgrade, as people are told. */
export interface WentBack extends RefusedVersions {
  /** What it runs instead of `failed`. */
  readonly to: Pins
}

/**
 * The versions of plugins that one connector runs with. A start takes the newest that its config allows; restarts that nobody asked for keep them. Where
 * newer ones than it last ran well with fail before they did any work, it goes back to those, and stays until there is another version or its config
 * changes.
 */
export class ConnectorVersions {
  readonly #registry: Registry
  readonly #defaults: RawConfig
  #good: Pins
  #refused: RefusedVersions | null
  /** undefined: it does not run. */
  #inForce: Pins | undefined

  constructor(registry: Registry, defaults: RawConfig, stored: StoredVersions | undefined) {
    this.#registry = registry
    this.#defaults = defaults
    this.#good = stored?.good ?? noPins
    this.#refused = stored?.refused ?? null
  }

  /** For the store; undefined: there is nothing to remember. */
  get stored(): StoredVersions | undefined {
    return Object.keys(this.#good).length === 0 && !this.#refused ? undefined : { good: this.#good, refused: this.#refused }
  }

  /** The versions to plan this config with: those in force, or those that a start would take. */
  pins(raw: RawConfig): Pins {
    return this.#inForce ?? this.#choice(raw)
  }

  /** The connector starts: its versions are chosen, and stay in force until it ends. False: they are the same as were in force. */
  begin(raw: RawConfig): boolean {
    const before = this.#inForce
    this.#inForce = this.#choice(raw)
    return before === undefined || !samePins(before, this.#inForce)
  }

  /** Nothing of it runs any more. */
  end(): void {
    this.#inForce = undefined
  }

  /** Its config was changed: what failed before may work now. */
  reconsider(): void {
    this.#refused = null
  }

  /** It did work with the versions in force. True: that is new and worth storing. */
  ranWell(): boolean {
    const inForce = this.#inForce
    if (!inForce || samePins(inForce, this.#good)) return false
    if (this.#refused && !covers(inForce, back(this.#refused, this.#good))) this.#refused = null
    this.#good = inForce
    return true
  }

  /** It failed. What it goes back to at its next start; undefined: the versions in force are not new. */
  failed(raw: RawConfig, reason: string): WentBack | undefined {
    const inForce = this.#inForce
    if (!inForce) return undefined
    const failed = Object.fromEntries(Object.entries(inForce).filter(([key, pin]) => this.#former(raw, key, pin) !== undefined))
    if (Object.keys(failed).length === 0) return undefined
    this.#refused = { failed, reason, atMs: Date.now() }
    return { ...this.#refused, to: back(this.#refused, this.#good) }
  }

  /** What it runs with, for people; `wentBack`: newer versions that it does not run with because they failed. */
  shown(raw: RawConfig): { readonly versions: Pins; readonly wentBack: WentBack | null } {
    const versions = this.pins(raw)
    const refused = this.#refused
    const to = refused ? back(refused, this.#good) : noPins
    return { versions, wentBack: refused && covers(versions, to) ? { ...refused, to } : null }
  }

  #choice(raw: RawConfig): Pins {
    // Where packages share a class the one that it ran with is meant; of that package the newest version.
    const packages = Object.fromEntries(Object.entries(this.#good).map(([key, pin]) => [key, { ...pin, version: '' }]))
    const newest = versionsNamed(raw, this.#registry, this.#defaults, packages)
    const refused = this.#refused
    if (!refused || !covers(newest, refused.failed)) return newest
    const kept = versionsNamed(raw, this.#registry, this.#defaults, { ...packages, ...back(refused, this.#good) })
    return covers(kept, back(refused, this.#good)) ? kept : newest
  }

  /** The version of this class that it ran well with, if that is another one, still here, and allowed by the config. */
  #former(raw: RawConfig, key: string, pin: Pin): Pin | undefined {
    const good = this.#good[key]
    if (!good || good.class !== pin.class || (good.package === pin.package && good.version === pin.version)) return undefined
    const found = versionsNamed(raw, this.#registry, this.#defaults, { [key]: good })[key]
    return found && samePin(found, good) ? good : undefined
  }
}

/** A failed upgrade as a sentence. */
export function wentBackText({ failed, to, reason }: WentBack): string {
  const moves = Object.entries(failed).map(([key, pin]) => `${pin.class} ${pin.version} of ${pin.package} (back to ${to[key]!.version})`)
  return `Newer plugin versions failed before they did any work, and the connector goes back: ${moves.join(', ')}. It stays there until another version is installed or its config changes. The fault: ${reason}`
}

/** The good versions in place of those that failed. */
function back({ failed }: RefusedVersions, good: Pins): Pins {
  return Object.fromEntries(Object.entries(good).filter(([key]) => Object.hasOwn(failed, key)))
}

function covers(pins: Pins, part: Pins): boolean {
  return Object.entries(part).every(([key, pin]) => Object.hasOwn(pins, key) && samePin(pins[key]!, pin))
}

function samePins(one: Pins, other: Pins): boolean {
  return Object.keys(one).length === Object.keys(other).length && covers(one, other)
}

function samePin(one: Pin, other: Pin): boolean {
  return one.package === other.package && one.class === other.class && one.version === other.version
}
