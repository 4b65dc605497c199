import { paint, plain, stateColour, terminalWidth, type Colour } from './terminal.ts'

const gap = '  '
/** No column is cut below this many characters. */
const columnMin = 12

/**
 * Rows as aligned columns. Where a terminal is too narrow, the widest columns are cut, with an ellipsis; elsewhere nothing is. Cells may
 * hold anything: what would steer the terminal is shown escaped. Every row has as many cells as the header.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  colourOf: (cell: string, column: number) => Colour | undefined = stateColour,
  width: number | undefined = terminalWidth(),
): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => plain(cell)))
  const widths = fit(
    header.map((title, column) => cells.reduce((most, row) => Math.max(most, row[column]!.length), title.length)),
    width,
  )
  const line = (row: readonly string[], paintCell: (cell: string, column: number) => Colour | undefined) =>
    row
      .map((cell, column) => {
        const shown = cut(cell, widths[column]!)
        return paint(shown, paintCell(cell, column)) + (column === row.length - 1 ? '' : ' '.repeat(widths[column]! - shown.length))
      })
      .join(gap)
      .trimEnd()
  return [line(header, () => 'bold'), ...cells.map((row) => line(row, colourOf))]
}

/** Names and what belongs to them, one pair a line, aligned. */
export function pairs(entries: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${paint(`${name}:`, 'bold')}${' '.repeat(width - name.length + 2)}${plain(value)}`.trimEnd())
}

/** Takes from the widest column, again and again, until all fit or none may be narrower. */
function fit(wanted: readonly number[], width: number | undefined): readonly number[] {
  const widths = [...wanted]
  let over = width === undefined ? 0 : widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1) - width
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths))
    const next = Math.max(columnMin, ...widths.filter((_, column) => column !== widest))
    const less = Math.min(over, Math.max(1, widths[widest]! - next))
    if (widths[widest]! - less < columnMin) break
    widths[widest]! -= less
    over -= less
  }
  return widths
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
