import { defaultText, type ConfigKey, type ParsedKey } from '../contract/config-def.ts'

/** A key's definition in Connect's JSON (4.3: `order_in_group`; clients of 3.x read the same number as `order`). */
export interface ConfigKeyInfo {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly default_value: string | null
  readonly importance: string
  readonly documentation: string
  readonly group: string | null
  readonly order_in_group: number
  readonly order: number
  readonly width: string
  readonly display_name: string
  readonly dependents: readonly string[]
}

/** What a key came to in a config, in Connect's JSON. */
export interface ConfigValueInfo {
  readonly name: string
  readonly value: string | null
  readonly recommended_values: readonly string[]
  readonly errors: readonly string[]
  readonly visible: boolean
}

/** The answer of `PUT /connector-plugins/{plugin}/config/validate`. */
export interface ConfigInfos {
  readonly name: string
  readonly error_count: number
  readonly groups: readonly string[]
  readonly configs: readonly { readonly definition: ConfigKeyInfo | null; readonly value: ConfigValueInfo }[]
}

/** Numbers keys within their groups, in the order in which they are asked for. Keys without a group have order -1, as in Connect. */
export class KeyOrder {
  readonly #counts = new Map<string, number>()

  next(group: string | undefined): number {
    if (group === undefined) return -1
    const order = (this.#counts.get(group) ?? 0) + 1
    this.#counts.set(group, order)
    return order
  }
}

/** The definition of one key. `group` replaces the key's own one, as aliases of transforms do. */
export function keyShape(name: string, key: ConfigKey, order: KeyOrder, group: string | undefined = key.group): ConfigKeyInfo {
  const place = order.next(group)
  return {
    name,
    type: key.type.toUpperCase(),
    required: key.required ?? false,
    default_value: key.type === 'password' && defaultText(key) ? '[hidden]' : defaultText(key),
    importance: (key.importance ?? 'medium').toUpperCase(),
    documentation: key.unsupported === undefined ? key.doc : `${key.doc} Not supported: ${key.unsupported}`,
    group: group ?? null,
    order_in_group: place,
    order: place,
    width: (key.width ?? 'none').toUpperCase(),
    display_name: key.displayName ?? name,
    dependents: [],
  }
}

/** The value of one key. */
export function valueShape(
  { name, text }: ParsedKey,
  errors: readonly string[],
  recommended: readonly string[] | undefined,
): ConfigValueInfo {
  return { name, value: text, recommended_values: recommended ?? [], errors, visible: true }
}
