import { isTreeObject, treeText, type Tree, type TreeObject } from './exact-tree.ts'

/** A place in a shown record that differs: `value.address.city`, `headers[0].value`, `topic`. */
export interface RecordChange extends TreeObject {
  readonly path: string
  readonly change: 'added' | 'removed' | 'changed'
}

/** What differs between two shown records, in the order of the members. Schemas differ as a whole: their members are no values. */
export function recordChanges(before: TreeObject, after: TreeObject): readonly RecordChange[] {
  const found: RecordChange[] = []
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name], after[name]]
    if (/schema$/i.test(name)) {
      if (treeText(old ?? null) !== treeText(now ?? null)) found.push({ path: name, change: 'changed' })
    } else compare(name, old, now, found)
  }
  return found
}

function compare(path: string, before: Tree | undefined, after: Tree | undefined, found: RecordChange[]): void {
  if (before === undefined && after === undefined) return
  if (before === undefined) found.push({ path, change: 'added', after: after! })
  else if (after === undefined) found.push({ path, change: 'removed', before })
  else if (isTreeObject(before) && isTreeObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(member(path, name), own(before, name), own(after, name), found)
    }
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      compare(`${path}[${index}]`, before[index] as Tree | undefined, after[index] as Tree | undefined, found)
    }
  } else if (treeText(before) !== treeText(after)) found.push({ path, change: 'changed', before, after })
}

function own(tree: TreeObject, name: string): Tree | undefined {
  return Object.hasOwn(tree, name) ? tree[name] : undefined
}

function member(path: string, name: string): string {
  return /^[\w$-]+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}
