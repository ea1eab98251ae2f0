/**
 * The form of each kind's own content, `content.rules`. A kind adds a line: its component is given the rules (to be changed in place, as the
 * other cards do), whether they may be changed at all, whether the campaign is published already, and whether words alone may be changed,
 * as in a correction: then lists keep their length and order, and settings stay.
 */
import { defineAsyncComponent, type Component } from 'vue'

export interface CardProps { rules: Record<string, unknown>; locked: boolean; fixed: boolean; wordsOnly?: boolean }

export const KIND_CARDS: Record<string, Component> = {
  pledge: defineAsyncComponent(() => import('./PledgeCard.vue')),
  quiz: defineAsyncComponent(() => import('./QuizCard.vue')),
  vote: defineAsyncComponent(() => import('./VoteCard.vue')),
  photos: defineAsyncComponent(() => import('./PhotosCard.vue')),
  messages: defineAsyncComponent(() => import('./MessagesCard.vue')),
}
