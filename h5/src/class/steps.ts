/**
 * The order of a class's ceremony, with its calm pacing. No clock of its own: whoever plays it says when a time is over.
 *
 * ready -> rising (as long as the anthem) -> salute -> done. Space goes on from ready and from done; in between it waits, so that a
 * nervous hand cuts nothing short.
 */
export type Step = 'ready' | 'rising' | 'salute' | 'done'

/** The anthem as it is played at a flag-raising takes 46 seconds; the flag reaches the top with its last note. */
export const RISE_SECONDS = 46
/** Three calm breaths at the salute. */
export const SALUTE_SECONDS = 8
/** Where motion is unwelcome the flag is at the top at once, and the words still have time. */
export const CALM_SECONDS = 6

export interface Words {
  head: string
  text: string
}

export const WORDS: Record<Step, Words> = {
  ready: { head: '请全体起立', text: '面向国旗，立正。' },
  rising: { head: '升国旗，奏唱国歌', text: '少先队员敬队礼\n其他同学和老师行注目礼' },
  salute: { head: '敬礼', text: '目视国旗，保持肃立。' },
  done: { head: '礼毕，请坐', text: '' },
}
/** The law's word where nothing is played. */
export const WITHOUT_ANTHEM: Words = { head: '升国旗', text: WORDS.rising.text }

export const after = (step: Step): Step => (({ ready: 'rising', rising: 'salute', salute: 'done', done: 'ready' }) as Record<Step, Step>)[step]

/** Seconds until the next step begins by itself; 0: it waits for a hand. */
export function lasts(step: Step, calm: boolean, anthem: number): number {
  if (step === 'rising') return calm ? CALM_SECONDS : anthem || RISE_SECONDS
  return step === 'salute' ? SALUTE_SECONDS : 0
}
