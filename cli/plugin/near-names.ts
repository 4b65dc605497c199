/**
 * The known names from which `name` differs by one slip of the fingers: a letter more, less, other, or two swapped. A name that is itself
 * known has none.
 */
export function nearNames(name: string, known: Iterable<string>): readonly string[] {
  const names = new Set(known)
  return names.has(name) ? [] : [...names].filter((one) => oneEditApart(name, one))
}

function oneEditApart(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one]
  if (long.length - short.length > 1) return false
  let at = 0
  while (at < short.length && short[at] === long[at]) at++
  if (short.length < long.length) return short.slice(at) === long.slice(at + 1)
  if (short.slice(at + 1) === long.slice(at + 1)) return short !== long
  return short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2)
}
