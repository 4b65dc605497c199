import type { ConfigIssue } from '../contract/errors.ts'
import { redactor } from './secrets.ts'

/** Takes secrets out of what a validation says: passwords, and what config providers gave for `${...}`. */
export class Scrubber {
  readonly #given: Readonly<Record<string, string | null>>
  readonly #passwords: ReadonlySet<string>
  readonly #redact: (text: string) => string

  /** `passwords` names the keys of type PASSWORD; `secrets` are values that must not be seen. */
  constructor(given: Readonly<Record<string, string | null>>, passwords: ReadonlySet<string>, secrets: readonly string[]) {
    this.#given = given
    this.#passwords = passwords
    this.#redact = redactor(secrets)
  }

  /** A key's value as answers may show it: the template, never what it became. */
  value(key: string, text: string | null): string | null {
    if (text === null || text === '[hidden]') return text
    if (this.#passwords.has(key)) return '[hidden]'
    return this.#template(key) ?? text
  }

  issue({ key, value, message }: ConfigIssue): ConfigIssue {
    return { key, ...(value !== undefined && { value: this.value(key, value) }), message: this.#message(key, message) }
  }

  /** The redactor leaves short values alone; where a message quotes its own key's value, even those are replaced. */
  #message(key: string, message: string): string {
    const template = this.#template(key)
    const quoted = /^Invalid value [\s\S]*? for configuration /
    return this.#redact(template === undefined ? message : message.replace(quoted, () => `Invalid value ${template} for configuration `))
  }

  #template(key: string): string | undefined {
    const given = Object.hasOwn(this.#given, key) ? this.#given[key] : undefined
    return given?.includes('${') ? given : undefined
  }
}
