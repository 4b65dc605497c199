import type { WorkerStore } from '../../store/store.ts'
import type { HostPool } from '../host-pool.ts'
import type { Plan } from '../plan.ts'
import { redactor } from '../secrets.ts'
import { FolderShelf } from './folder-shelf.ts'
import { LetterDesk } from './letter-desk.ts'
import { TopicShelf } from './topic-shelf.ts'

/** A connector's dead letters, and what removes the config's secrets from them. */
export function openDesk(
  name: string,
  { secrets, deadLetters: { folder, topic } }: Plan,
  { pool, store }: { readonly pool: HostPool; readonly store: WorkerStore },
): { readonly desk: LetterDesk; readonly redact: (text: string) => string } {
  const shelf = topic ? new TopicShelf(topic, name, (request) => pool.call(request, secrets)) : new FolderShelf(folder, name)
  return { desk: new LetterDesk(name, store.offsets, shelf), redact: redactor(secrets) }
}
