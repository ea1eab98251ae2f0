/** 投票. */
import type { Kind } from '../../kind'
import { deliver } from './board'
import Choose from './Choose.vue'
import List from './List.vue'
import Result from './Result.vue'
import './vote.css'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '我要投票', look: '看候选人，试着选一选', peek: '看看候选人', done: '选票已填好', anew: '', total: '人投了票', nobody: '欢迎您投下第一票',
    again: '您已投票，您是第', nth: '位投票的人', act: '选票', may: '看候选人、试着选一选',
  },
  act: Choose,
  foot: List,
  result: Result,
  deliver,
}
