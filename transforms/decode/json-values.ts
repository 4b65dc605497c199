import { NumberText, parseDecimal, rescale } from '../../core/index.ts'

/** Most places of a number that is compared by its digits. */
const placesMax = 1_000

/** The digits of a number that `parseJson(text, 'typed')` gave. */
export function numberOf(value: unknown): string {
  return value instanceof NumberText ? value.text : String(value)
}

/** Below, at or above: -1, 0, 1; exact however many digits there are. */
export function compareNumbers(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return Math.sign(left - right)
  const [a, b] = [parseDecimal(numberOf(left)), parseDecimal(numberOf(right))]
  if (a === undefined || b === undefined || Math.abs(a.scale) > placesMax || Math.abs(b.scale) > placesMax) {
    return Math.sign(Number(numberOf(left)) - Number(numberOf(right)))
  }
  const scale = Math.max(a.scale, b.scale)
  const difference = rescale(a, scale).unscaled - rescale(b, scale).unscaled
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

/** True for JSON values that say the same. */
export function equalJson(left: unknown, right: unknown): boolean {
  const isNumber = (value: unknown) => typeof value === 'number' || value instanceof NumberText
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right) === 0
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const members = Object.entries(left)
  return (
    members.length === Object.keys(right).length &&
    members.every(([name, value]) => Object.hasOwn(right, name) && equalJson(value, (right as Readonly<Record<string, unknown>>)[name]))
  )
}
