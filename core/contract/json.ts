/** A value that JSON can hold exactly. Offsets, progress and configs are made of it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
