const dayMs = 86_400_000

/** 1 on the first of January. */
export function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - yearStart(date.getUTCFullYear())) / dayMs) + 1
}

/** Weeks as Java counts them in its default locale, en-US: they begin on Sunday, and the one with the first of January is the first. */
export function weekOfYear(date: Date): { readonly year: number; readonly week: number } {
  const year = date.getUTCFullYear()
  if (sundayBefore(yearStart(year + 1)) <= date.getTime()) return { year: year + 1, week: 1 }
  return { year, week: Math.floor((date.getTime() - sundayBefore(yearStart(year))) / (7 * dayMs)) + 1 }
}

export function weekOfMonth(date: Date): number {
  const first = new Date(date)
  first.setUTCDate(1)
  return Math.ceil((date.getUTCDate() + first.getUTCDay()) / 7)
}

/** The midnight, in milliseconds since the epoch, with which a year begins; unlike `Date.UTC`, also for the years before 100. */
export function yearStart(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1)
}

function sundayBefore(midnight: number): number {
  return midnight - new Date(midnight).getUTCDay() * dayMs
}
