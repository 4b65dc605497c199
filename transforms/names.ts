/** For `check` of a list of names: Connect's `anyNonDuplicateValues(false, false)`. */
export function namesFault(names: readonly string[]): string | undefined {
  if (names.length === 0) return 'Configuration must not be empty'
  if (names.includes('')) return 'a name must not be empty'
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  return twice === undefined ? undefined : `"${twice}" stands there twice`
}
