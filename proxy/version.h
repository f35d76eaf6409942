/* The version, in one place: console, command line and Makefile read it here. */
#ifndef TANIST_PROXY_VERSION_H
#define TANIST_PROXY_VERSION_H

#define TANIST_VERSION "0.1.0"

#endif
