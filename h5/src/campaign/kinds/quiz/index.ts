/** 知识问答. */
import type { Kind } from '../../kind'
import Front from './Front.vue'
import Paper from './Paper.vue'
import Result from './Result.vue'
import './quiz.css'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '开始答题', look: '试着答一答', peek: '看看题目', done: '答题完成', anew: '再答一次', total: '人答过题', nobody: '欢迎您来答题',
    again: '您已答题，您是第', nth: '位答题的人', act: '答题', may: '答题并看解释',
  },
  act: Paper,
  front: Front,
  result: Result,
  detail: (word) => `答对 ${word.split('/')[0]} 题，共 ${word.split('/')[1]} 题`,
}
