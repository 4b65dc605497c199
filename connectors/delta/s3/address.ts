/** A lake in an object store: a bucket, and what stands before every name in it (ends with `/`, or is empty). */
export interface S3Address {
  readonly bucket: string
  readonly prefix: string
}

/** The address that a path spells (`s3://bucket/prefix`, also `s3a://`); undefined: the path is a folder of the disk. */
export function s3Address(path: string): S3Address | undefined {
  const match = /^s3a?:\/\/([^/]*)\/*(.*?)\/*$/s.exec(path)
  return match ? { bucket: match[1]!, prefix: match[2] === '' ? '' : `${match[2]}/` } : undefined
}

/** What is wrong with a path that names an object store, as a text that says the way out; undefined: nothing. */
export function s3AddressFault(path: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return undefined
  const address = s3Address(path)
  if (address === undefined) return 'names a store that is not supported; use s3://bucket/prefix or a local folder'
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/i.test(address.bucket)) {
    return `bucket "${address.bucket}" cannot exist: a bucket has 3 to 63 letters, digits, dots and hyphens; use s3://bucket/prefix`
  }
  if (address.prefix.split('/').some((part, index, parts) => part === '.' || part === '..' || (part === '' && index < parts.length - 1))) {
    return 'has an empty part, "." or ".." after the bucket, which object stores take for a name; leave it out'
  }
  return undefined
}
