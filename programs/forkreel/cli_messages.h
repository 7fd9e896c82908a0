// {English, Chinese}: included by cli_text.c into its table, nowhere else.
{"Everywhere:", "通用选项："},
    {"list the language models on this machine", "列出本机的语言模型"},
    {"lm knows only 'list', not '%s'", "lm 只有 list，没有“%s”"},
    {"there is no GGUF file in %s or %s", "%s 和 %s 中没有 GGUF 文件"}, {"model", "模型"},
    {"architecture", "结构"}, {"parameters", "参数"}, {"weights", "权重类型"},
    {"context", "上下文"}, {"vocabulary", "词表"}, {"file size", "文件大小"},
    {"file", "文件"},
