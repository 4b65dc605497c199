import type { ConfigDef } from '../contract/config-def.ts'

/** Shorter values are not removed from texts: they would tear up unrelated words and could be guessed from the gaps. Characters. */
const secretMin = 4

const mask = '[hidden]'

/** A function that removes these values from any text, also in the spelling that JSON and URLs give them. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const spellings = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < secretMin) continue
    spellings.add(secret)
    spellings.add(JSON.stringify(secret).slice(1, -1))
    spellings.add(urlText(secret))
  }
  // Longest first, so that a secret within another one does not leave the rest of it behind.
  const found = [...spellings].sort((a, b) => b.length - a.length)
  if (found.length === 0) return (text) => text
  return (text) => found.reduce((clean, secret) => clean.replaceAll(secret, mask), text)
}

/** Values of the definition's passwords in this config. */
export function passwordsOf(def: ConfigDef, config: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(def).flatMap(([name, key]) => (key.type === 'password' && config[name] ? [config[name]] : []))
}

function urlText(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text // A lone surrogate has no spelling in a URL.
  }
}
