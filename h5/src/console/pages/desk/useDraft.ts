/** A draft that is open in a form: read, saved by itself some seconds after each change, shown to others as being worked on. */
import { computed, onMounted, onUnmounted, ref, shallowRef, watch } from 'vue'
import { onBeforeRouteLeave, onBeforeRouteUpdate } from 'vue-router'
import { door, may } from '../../frame/door'
import { spoken } from '../../frame/format'
import { useLeaveGuard } from '../../frame/leave'
import { done, refused } from '../../frame/toasts'
import { useWords } from '../../frame/words'
import { useAutosave } from './autosave'
import { go, readDraft, saveDraft, stay, type Campaign, type Content, type Draft } from './calls'
import { words } from './words'

// The server forgets whoever was silent for a minute.
const STAY_MS = 25_000

/** What `useDraft` gives: one draft that is open in a form. */
export type OpenDraft = ReturnType<typeof useDraft>

/** `saved`: something was kept, or read for the first time; `shown`: what was read stands on the page. */
export function useDraft(campaign: Campaign, { saved = () => {}, shown = () => {} }: { saved?: () => void; shown?: () => unknown }) {
  const { slug } = campaign
  const t = useWords(words)
  const draft = shallowRef<Draft | null>(null)
  const content = ref<Content | null>(null)
  const editing = ref<string[]>([])
  const savedAt = ref('')
  const problem = shallowRef<unknown>(null)
  const isUnlocked = ref(false)
  const saving = useAutosave(content, (rev, now) => saveDraft(slug, rev, now), (answer) => {
    savedAt.value = answer.saved_at
    editing.value = answer.editing
    if (answer.restarted) done(t.value.draft.restarted)
    saved()
  })
  const running = computed(() => (draft.value?.release ? 'release' : ['reviewing', 'approved'].includes(draft.value?.review.state ?? '') ? draft.value!.review.state : ''))
  const isLocked = computed(() => !may('editor') || ['frozen', 'archived'].includes(campaign.state) || (running.value !== '' && !isUnlocked.value))
  const others = computed(() => editing.value.filter((name) => name !== door.staff?.name))
  const status = computed(() => (saving.isBusy.value ? t.value.draft.saving : saving.isChanged.value ? t.value.draft.unsaved : savedAt.value ? t.value.draft.saved(spoken(savedAt.value)) : ''))
  let timer = 0

  function show(now: Draft) {
    draft.value = now
    editing.value = now.editing ?? []
    savedAt.value = ''
    isUnlocked.value = false
    saving.begin(now.content, now.rev)
    saved()
  }

  async function read() {
    problem.value = null
    try {
      show(await readDraft(slug))
      await shown()
    } catch (error) {
      problem.value = error
    }
  }

  /** After two editors saved: goes on with what was chosen; whether that is saved. */
  async function choose(chosen: Content): Promise<boolean> {
    if (!(await saving.settle(chosen))) return false
    try {
      const now = await readDraft(slug)
      if (!saving.isChanged.value) show(now)
    } catch (error) {
      refused(error) // what was chosen is saved
    }
    return true
  }

  async function beHere() {
    if (document.hidden || !may('editor')) return
    try {
      editing.value = (await stay(slug)).editing
    } catch (error) {
      console.info('nobody is named as editing', error)
    }
  }

  function leave() {
    if (may('editor')) go(slug).catch((error: unknown) => console.info('the leaving was not noted', error)) // the server forgets by itself
  }

  // What can be saved on the way out is saved; the guard asks about the rest.
  onBeforeRouteLeave(async () => { await saving.flush() })
  onBeforeRouteUpdate(async () => { await saving.flush() })
  useLeaveGuard(() => saving.isChanged.value)
  watch(content, () => saving.touch(), { deep: true })
  onMounted(() => {
    void read()
    timer = window.setInterval(beHere, STAY_MS)
    addEventListener('pagehide', leave)
  })
  onUnmounted(() => {
    clearInterval(timer)
    saving.stop()
    removeEventListener('pagehide', leave)
    leave()
  })
  return { draft, content, others, savedAt, problem, running, isLocked, isUnlocked, saving, status, read, show, choose }
}
