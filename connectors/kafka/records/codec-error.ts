/** Compressed bytes that cannot be read: not of their format, cut short, or (`tooLarge`) more than allowed. Its message follows "cannot be decompressed: ". */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly tooLarge: boolean
  constructor(message: string, tooLarge = false) {
    super(message)
    this.tooLarge = tooLarge
  }
}
