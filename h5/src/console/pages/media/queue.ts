/** The files that somebody chose, dropped or pasted: two on their way at a time, each then made a medium. */
import { computed, onUnmounted, reactive } from 'vue'
import { remember, remembered } from '../../frame/words'
import { Refused } from '../../session'
import { keepMedium, type Kept, type Medium } from './calls'
import { giveUp, isPassing, pause, transfer } from './tus'

/** `paused`: the line broke, and it can go on; `refused`: it will never be a medium. */
export type Stage = 'waiting' | 'sending' | 'making' | 'made' | 'paused' | 'refused'

export interface Item {
  key: number
  file: File
  preview: string
  stage: Stage
  offset: number
  upload: string
  alt: string
  decorative: boolean
  error: unknown
  medium: Medium | null
}

// One line is filled by two; a server takes eight of all its editors.
const AT_ONCE = 2
// Asked again while a long film is worked on; a server's lease on it ends after five minutes.
const ASK_AGAIN_MS = 2_000
const MOST_ASKED = 150
const KEPT = 'wenming-console-uploads'
// As many as the server keeps open for one member.
const MOST_KEPT = 50

export interface Queue {
  items: Item[]
  isBusy: { readonly value: boolean }
  add: (files: Iterable<File>) => void
  resume: (item: Item) => void
  drop: (item: Item) => Promise<void>
}

/** `placed`: where new media go; `made`: one is there. */
export function useQueue(placed: () => { folder: string; tags: string[] }, made: (medium: Medium) => void): Queue {
  const items = reactive<Item[]>([])
  const stops = new Map<number, AbortController>()
  let last = 0

  function add(files: Iterable<File>) {
    for (const file of files) {
      items.push({ key: ++last, file, preview: file.type.startsWith('image/') ? URL.createObjectURL(file) : '', stage: 'waiting', offset: 0, upload: recall(file), alt: '', decorative: false, error: null, medium: null })
    }
    next()
  }

  function next() {
    while (items.filter(({ stage }) => stage === 'sending' || stage === 'making').length < AT_ONCE) {
      const item = items.find(({ stage }) => stage === 'waiting')
      if (!item) return
      void run(item)
    }
  }

  async function run(item: Item) {
    const stop = new AbortController()
    stops.set(item.key, stop)
    item.stage = 'sending'
    item.error = null
    try {
      item.upload = await transfer(item.file, {
        upload: item.upload, signal: stop.signal,
        begun: (upload) => {
          item.upload = upload
          note(item.file, upload)
        },
        moved: (offset) => { item.offset = offset },
      })
      item.stage = 'making'
      const { folder, tags } = placed()
      item.medium = await make(() => ({ upload: item.upload, alt: item.decorative ? '' : item.alt.trim(), decorative: item.decorative, folder, tags }), stop.signal)
      item.stage = 'made'
      item.alt ||= item.medium.alt
      note(item.file, '')
      made(item.medium)
    } catch (error) {
      if (stop.signal.aborted) return // taken out of the list
      item.error = error
      item.stage = error instanceof Refused && !isPassing(error) && error.code !== 'UPLOAD_OVERTAKEN' && error.code !== 'TOO_MANY_UPLOADS' ? 'refused' : 'paused'
      if (item.stage === 'refused') note(item.file, '')
    } finally {
      stops.delete(item.key)
      next()
    }
  }

  function resume(item: Item) {
    item.stage = 'waiting'
    next()
  }

  /** Out of the list; what is not a medium yet is given up. */
  async function drop(item: Item) {
    stops.get(item.key)?.abort()
    const at = items.findIndex(({ key }) => key === item.key)
    if (at >= 0) items.splice(at, 1)
    if (item.preview) URL.revokeObjectURL(item.preview)
    next()
    if (!item.upload || item.stage === 'made' || item.stage === 'refused') return
    note(item.file, '')
    await giveUp(item.upload)
  }

  const isBusy = computed(() => items.some(({ stage }) => stage !== 'made' && stage !== 'refused'))
  const goOn = () => items.filter(({ stage }) => stage === 'paused').forEach(resume)
  addEventListener('online', goOn)
  onUnmounted(() => {
    removeEventListener('online', goOn)
    for (const stop of stops.values()) stop.abort()
    for (const { preview } of items) if (preview) URL.revokeObjectURL(preview)
  })
  return { items, isBusy, add, resume, drop }
}

/** Asks until the server has made it. Raises Refused with the reason why it will not. */
export async function make(kept: () => Kept, signal: AbortSignal, againMs = ASK_AGAIN_MS): Promise<Medium> {
  for (let asked = 1; ; asked++) {
    try {
      const medium = await keepMedium(kept())
      if (medium) return medium
      if (asked >= MOST_ASKED) throw new Refused(503, 'MEDIA_BUSY', '这个文件处理得太久，请稍后再继续')
    } catch (error) {
      if (!(error instanceof Refused && isPassing(error)) || asked >= MOST_ASKED) throw error
    }
    await pause(againMs, signal)
  }
}

/** A file by what tells it from others without its name; a pasted one is as new each time. */
function mark({ size, lastModified, type }: File): string {
  return `${size}-${lastModified}-${type}`
}

function noted(): Record<string, string> {
  try {
    const found: unknown = JSON.parse(remembered(KEPT) || '{}')
    return typeof found === 'object' && found !== null ? found as Record<string, string> : {}
  } catch {
    return {} // somebody else wrote there
  }
}

/** The upload of this file that a closed page left behind, or ''. */
export function recall(file: File): string {
  const found = noted()[mark(file)]
  return typeof found === 'string' && /^[0-9a-f]{32}$/.test(found) ? found : ''
}

export function note(file: File, upload: string): void {
  const { [mark(file)]: _, ...rest } = noted()
  const all = Object.entries(upload ? { ...rest, [mark(file)]: upload } : rest)
  remember(KEPT, JSON.stringify(Object.fromEntries(all.slice(-MOST_KEPT))))
}
