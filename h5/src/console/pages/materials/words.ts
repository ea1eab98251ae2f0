import { both } from '../../frame/words'

export const words = both(
  {
    title: '素材', hint: '上传后转存到微信；同一个文件再传一次，得到的还是原来那个。', kind: '类型', kinds: { image: '图片', picture: '正文图片', voice: '语音', video: '视频', thumb: '缩略图' } as Record<string, string>, upload: '上传', name: '名称', size: '大小', by: '上传人', at: '时间', lasts: '有效期', forever: '永久', until: (when: string) => `至 ${when}`, do: '操作', copyId: '复制 media_id', copyUrl: '复制地址', remove: '删除', removed: '已删除', sure: (name: string) => `将从公众号的素材库删除“${name}”，不能恢复。用到它的回复和菜单会失效。`, cancel: '取消',
    none: '还没有这类素材', noneTeach: '图片用于封面和图片回复；正文图片只给图文正文用，由微信长期保存。', choose: '选择文件', lasting: '保存', permanent: '永久', temporary: '三天后失效', videoTitle: '视频标题', introduction: '视频简介', limit: (formats: string, most: string) => `${formats}，不超过 ${most}`, tooLarge: (most: string) => `文件超过 ${most}`, uploaded: '已上传', list: '素材列表',
  },
  {
    title: 'Materials', hint: 'Files go on to WeChat; the same file again gives what is there already.', kind: 'Kind', kinds: { image: 'Picture', picture: 'Picture in articles', voice: 'Voice', video: 'Video', thumb: 'Thumbnail' }, upload: 'Upload', name: 'Name', size: 'Size', by: 'By', at: 'At', lasts: 'Lasts', forever: 'for ever', until: (when) => `until ${when}`, do: 'Actions', copyId: 'Copy media_id', copyUrl: 'Copy address', remove: 'Delete', removed: 'Deleted', sure: (name) => `"${name}" leaves the account's library for good. Replies and menus that use it stop working.`, cancel: 'Cancel',
    none: 'None of this kind yet', noneTeach: 'Pictures serve as covers and replies; pictures in articles are kept by WeChat for articles alone.', choose: 'Choose a file', lasting: 'Kept', permanent: 'For ever', temporary: 'For three days', videoTitle: 'Title of the video', introduction: 'Description', limit: (formats, most) => `${formats}, at most ${most}`, tooLarge: (most) => `The file has more than ${most}`, uploaded: 'Uploaded', list: 'Materials',
  },
)
