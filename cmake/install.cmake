# What `make install` puts where. All programs go beside each other, as they find each other that
# way, and the plugins to ../lib/sluice/plugins.

include(GNUInstallDirs)
get_property(programs GLOBAL PROPERTY SLUICE_PROGRAMS)
get_property(plugins GLOBAL PROPERTY SLUICE_PLUGINS)
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(plugins)
  install(TARGETS ${plugins} LIBRARY DESTINATION lib/sluice/plugins)
endif()
foreach(section 1 5 8)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section}
          OPTIONAL FILES_MATCHING PATTERN "*.${section}")
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/etc/ DESTINATION share/sluice/etc OPTIONAL
        PATTERN "*.service" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/etc/ DESTINATION lib/systemd/system OPTIONAL
        FILES_MATCHING PATTERN "*.service")
