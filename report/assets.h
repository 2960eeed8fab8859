#ifndef KIN_REPORT_ASSETS_H
#define KIN_REPORT_ASSETS_H
/*
 * The files report/NAME.css and report/NAME.html as strings. The build embeds them
 * (cmake/embed.cmake), so that the command needs no file of its own at run time; comments stay
 * behind.
 */
extern const char page_css[], plot_css[], show_css[], compare_css[], sweep_css[];
extern const char page_html[], show_html[], compare_html[], sweep_html[];

#endif
