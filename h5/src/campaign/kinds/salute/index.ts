/** 向国旗敬礼. */
import type { Kind } from '../../kind'
import Salute from './Salute.vue'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '参加升旗 · 敬礼', look: '观看升旗 · 敬礼', peek: '观看升旗', done: '礼成', anew: '再看升旗', total: '人向国旗敬礼', nobody: '欢迎您来升国旗，敬礼',
    again: '您已敬礼，您是第', nth: '位向国旗敬礼的人', act: '敬礼', may: '观看升旗并敬礼', child: '为孩子再敬礼一次',
  },
  act: Salute,
  detail: (word) => (word === 'pioneer' ? '少先队员 · 敬队礼' : '公民 · 行注目礼'),
}
