/** Debezium's `schema.name.adjustment.mode` and `field.name.adjustment.mode`. */
export const adjustmentModes = ['none', 'avro', 'avro_unicode'] as const

/** Makes names fit for Avro: `avro` puts an underscore in the place of each character that is not, `avro_unicode` its code (`_u002d`). */
export function nameAdjuster(mode: string): (name: string) => string {
  switch (mode.toLowerCase()) {
    case 'avro':
      return (name) => adjusted(name, /[A-Za-z0-9_]/, () => '_')
    case 'avro_unicode':
      // An underscore itself is spelled out too, so that no two names become the same.
      return (name) => adjusted(name, /[A-Za-z0-9]/, (char) => `_u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    default:
      return (name) => name
  }
}

// No part of a name between dots may begin with a digit.
function adjusted(name: string, allowed: RegExp, replace: (char: string) => string): string {
  let made = ''
  for (let at = 0; at < name.length; at++) {
    const char = name[at]!
    const first = at === 0 || name[at - 1] === '.'
    made += (char === '.' && at > 0) || (allowed.test(char) && !(first && /[0-9]/.test(char))) ? char : replace(char)
  }
  return made
}
