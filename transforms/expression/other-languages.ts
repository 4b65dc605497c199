import { refuse } from '../config-fault.ts'
import { expressionFault } from './expression.ts'

/** Debezium requires it; here it has one good value. */
export const languageKey = {
  language: {
    type: 'string',
    default: 'cel',
    importance: 'high',
    doc: 'Language of the expression: cel. Groovy and JavaScript are refused, since they would run code of a config inside the worker.',
  },
} as const

/** Refuses a language other than CEL, with the CEL form of the expression where that is simple to tell. Throws a ConfigError. */
export function refuseOtherLanguage(language: string, key: string, expression: string): void {
  if (/^(?:jsr223\.)?cel$/i.test(language)) return
  const why = `expressions run as CEL, because ${language} would run code of a config inside the worker; set language=cel`
  const translated = celForm(expression)
  const way =
    translated === undefined
      ? `and write ${key} in CEL (fields are value.after.name, strings "text", conditions a ? b : c; see docs/expressions.md)`
      : translated === expression.trim()
        ? `and keep ${key} as it is: it is CEL too`
        : `and ${key}=${translated}`
  refuse('language', language, `${why} ${way}`)
}

/**
 * What a simple Groovy or JavaScript expression is in CEL: fields by dots or `get('x')`, `?.`, `===`, `equals`, null checks, text functions,
 * conditions. Undefined where the result would be no CEL; then nothing is guessed.
 */
export function celForm(expression: string): string | undefined {
  let text = expression
    .trim()
    .replace(/^return\s+/, '')
    .replace(/;$/, '')
  const strings: string[] = []
  // Texts are put aside, so that nothing within them is changed. A Groovy text with ${} is no plain text.
  text = text.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, (quoted) => `\ue000${strings.push(quoted) - 1}\ue000`)
  if (strings.some((quoted) => quoted.startsWith('"') && quoted.includes('${'))) return undefined
  if (/[{}]|=>|->|=~|==~|<=>|\bnew\b|\bdef\b|\bvar\b|\blet\b|(?<![=!<>])=(?!=)/.test(text)) return undefined
  text = text
    .replace(/===/g, '==')
    .replace(/!==/g, '!=')
    .replace(/\.get(?:String|Int8|Int16|Int32|Int64|Struct|Boolean|Float64)?\(\ue000(\d+)\ue000\)/g, (_, at: string) =>
      member(strings[Number(at)]!),
    )
    .replace(/\.equals\(([^()]*)\)/g, ' == $1')
    .replace(/\.toLowerCase\(\)/g, '.lower()')
    .replace(/\.toUpperCase\(\)/g, '.upper()')
    .replace(/\.(?:includes|contains)\(/g, '.contains(')
    .replace(/\.(?:size|length)\(\)|\.length\b(?!\()/g, '.size()')
    .replace(/headers\.(\w+)\.value\b/g, 'headers.$1')
    .replace(/\b[a-z]\w*(?:\??\.\w+)*\?\.\w+(?:\??\.\w+)*(?!\w*\()/gi, (chain) => `coalesce(${chain.replaceAll('?.', '.')}, null)`)
    .replace(/([^?:]+?)\s*\?:\s*([^?:]+)/, 'coalesce($1, $2)')
  const cel = text.replace(/\ue000(\d+)\ue000/g, (_, at: string) => strings[Number(at)]!)
  return expressionFault(cel) === undefined ? cel : undefined
}

function member(quoted: string): string {
  const name = quoted.slice(1, -1)
  return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${quoted}]`
}
